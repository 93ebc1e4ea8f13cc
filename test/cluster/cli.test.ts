// The client commands against a running cluster, as a person types them: what they print, and how they end.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { watched } from '../children.js';
import { freePort } from '../free-port.js';
import { Cluster } from './cluster.js';
import { paxmesh, type RunOptions } from './command.js';
import { post } from './load.js';
import { CLI, cleanEnvironment, eventually, pause } from './node-process.js';

let cluster: Cluster;
let urls: readonly string[] = [];

before(async () => {
  cluster = await Cluster.start();
  urls = cluster.urls;
});

after(() => cluster.close());

/** Runs it against node `place`, expects success, returns what it printed. */
async function works(place: number, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { status, stdout, stderr } = await paxmesh([...args, '--url', urls[place] ?? ''], options);
  assert.equal(status, 0, stderr);
  assert.equal(stderr, '');
  return stdout;
}

async function fails(status: number, args: readonly string[], line: RegExp, options: RunOptions = {}): Promise<string> {
  const ran = await paxmesh(args, { env: { PAXMESH_URL: urls[0] ?? '' }, ...options });
  assert.equal(ran.status, status, ran.stderr);
  assert.equal(ran.stdout, '');
  assert.match(ran.stderr, line);
  assert.doesNotMatch(ran.stderr, /^\s+at /m, 'no stack trace');
  return ran.stderr;
}

async function committed(place: number, args: readonly string[], options: RunOptions = {}): Promise<number> {
  const { instanceId } = JSON.parse(await works(place, ['propose', '--json', ...args], options)) as {
    instanceId: number;
  };
  return instanceId;
}

/** Waits until the node has it, and shows it; without the lease, a renewal of which may share any instance. */
async function shown(place: number, instance: number): Promise<string> {
  await eventually('it is there', async () => {
    const answer = await fetch(`${urls[place]}/v1/groups/main/instances/${instance}`);
    await answer.arrayBuffer();
    return answer.ok;
  });
  const line = await works(place, ['get', String(instance)]);
  const [, head = '', values = ''] = /^(\d+ {2})(.*)\n$/.exec(line) ?? [];
  const own = values.split('  |  ').filter((value) => !value.startsWith('$master '));
  return `${head}${own.join('  |  ')}\n`;
}

/** Waits until the node lists this member: each refuses by the list as it has applied it. */
async function lists(place: number, id: string): Promise<void> {
  await eventually(`node ${place} knows of ${id}`, async () => {
    const answer = await fetch(`${urls[place]}/v1/groups/main/members`);
    const { members } = (await answer.json()) as { members: { id: string }[] };
    return members.some((member) => member.id === id);
  });
}

test('propose on one node, get on another: JSON, text, bytes, from words and from standard input', async () => {
  const line = await works(0, ['propose', '{"hello":"world"}']);
  assert.match(line, /^committed at instance \d+, index \d; result null\n$/);
  const json = await committed(0, ['{"a":[1,2]}']);
  assert.equal(await shown(1, json), `${json}  log {"a":[1,2]}\n`);
  const text = await committed(1, ['just words']);
  assert.equal(await shown(2, text), `${text}  log "just words"\n`);
  const forced = await committed(1, ['--text', '17']);
  assert.equal(await shown(0, forced), `${forced}  log "17"\n`);
  const bytes = randomBytes(20);
  bytes[0] = 0xff;
  const binary = await committed(2, [], { input: bytes });
  assert.equal(await shown(0, binary), `${binary}  log base64:${bytes.toString('base64')}\n`);
});

test('a key makes propose repeatable', async () => {
  const first = await committed(0, ['--key', 'once', '"x"']);
  assert.equal(await committed(1, ['--key', 'once', '"x"']), first);
  await fails(1, ['propose', '--key', 'once', '"y"'], /^paxmesh: idempotency-key-reused: .*outcome: none\)\n$/);
});

test('get shows a range, the newest, and JSON', async () => {
  const last = await committed(0, ['"last"']);
  const lines = (await works(0, ['get', `0..${last}`])).trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => Number(line.split(' ')[0])),
    Array.from({ length: last + 1 }, (_, instance) => instance),
  );
  const { instanceId } = JSON.parse(await works(0, ['get', '--json', '0'])) as { instanceId: number };
  assert.equal(instanceId, 0);
  assert.match(await works(0, ['get']), /^\d+ {2}/);
});

test('status tells the node, its groups, the members and the master', async () => {
  const master = await cluster.master();
  await eventually('all say so', async () => {
    const text = await works(1, ['status']);
    return text.includes(`master ${master.id}`) && (text.match(/ voter {4}up /g) ?? []).length === 3;
  });
  const text = await works(1, ['status']);
  assert.match(
    text,
    /^node b at http:\/\/127\.0\.0\.1:\d+, paxmesh \S+, embedded store\ngroup main {2}gid [0-9a-f]{16}/,
  );
  const { groups } = JSON.parse(await works(1, ['status', '--json'])) as { groups: { group: string }[] };
  assert.deepEqual(
    groups.map(({ group }) => group),
    ['main'],
  );
});

test('members shows, changes, and tells what is refused', async () => {
  const text = await works(0, ['members']);
  assert.match(
    text,
    /^group main {2}gid [0-9a-f]{16,} {2}version \d+\n( {2}[abc] {8}voter {4}(up|down) +http:\S+ {2}\S+\n){3}$/,
  );
  assert.equal(await works(0, ['members', 'list']).then((list) => list.split('\n').length), 5);
  const { version, members } = JSON.parse(await works(0, ['members', '--json'])) as { version: number; members: [] };
  assert.equal(members.length, 3);
  const nobody = `http://127.0.0.1:${await freePort()}`;
  await fails(1, ['members', 'add', 'x', nobody, '--if-match', '999999'], /^paxmesh: precondition-failed: [^\n]+\n$/);
  const added = await works(1, ['members', 'add', 'x', nobody, '--role', 'observer', '--if-match', String(version)]);
  assert.match(added, /\n {2}x {8}observer down http:/);
  const elsewhere = `http://127.0.0.1:${await freePort()}`;
  assert.ok((await works(1, ['members', 'set', 'x', elsewhere])).includes(`observer down ${elsewhere} `));
  assert.match(await works(1, ['members', 'set', 'x', '--role', 'learner']), / x {8}learner /);
  await lists(0, 'x');
  await fails(1, ['members', 'add', 'x', nobody], /^paxmesh: member-exists: /);
  await fails(1, ['members', 'readmit', 'x'], /^paxmesh: (no-change|not-caught-up): /);
  await fails(1, ['members', 'set', 'x', '--role', 'learner', '--timeout-ms', '0'], /^paxmesh: invalid-request: /);
  await lists(2, 'x');
  const replaced = await works(2, ['members', 'replace', 'x', 'y', nobody, '--force']);
  assert.match(replaced, /\n {2}y {8}learner {2}down /);
  assert.doesNotMatch(replaced, /\n {2}x /);
  await lists(0, 'y');
  assert.doesNotMatch(await works(0, ['members', 'remove', 'y']), /\n {2}y /);
  await fails(1, ['members', 'remove', 'y', '--json'], /^\{.*"code":"member-not-found"/);
});

test('master shows who it is, and goes where it is sent', async () => {
  const master = await cluster.master();
  const heir = cluster.others(master)[0]?.id ?? '';
  const line = /^(\w) at http:\S+ is master since instance \d+; lease 10000 ms, for \d+ ms more\n$/;
  await eventually('it goes there', async () => {
    const { status, stdout, stderr } = await paxmesh(['master', 'transfer', heir, '--url', urls[0] ?? '']);
    // On a busy machine a link may be down at any time.
    if (/^paxmesh: not-caught-up: /.test(stderr)) return false;
    assert.deepEqual([status, line.exec(stdout)?.[1]], [0, heir], stderr);
    return true;
  });
  await eventually('node a knows', async () => line.exec(await works(0, ['master']))?.[1] === heir);
  await fails(1, ['master', 'release', '--timeout-ms', '0'], /^paxmesh: invalid-request: /);
  await eventually('node b knows', async () => {
    return (JSON.parse(await works(1, ['master', 'show', '--json'])) as { node: string }).node === heir;
  });
  assert.equal(await works(1, ['master', 'prefer', 'c']), 'c is master whenever it can\n');
  assert.equal(await works(1, ['master', 'prefer-none']), 'no node is preferred\n');
  await fails(1, ['master', 'prefer', 'nobody'], /^paxmesh: member-not-found: /);
  await works(2, ['master', 'release']);
  await cluster.master();
  assert.match(await works(0, ['master', 'lease', '9000']), / is master | nobody is master/);
  await fails(1, ['master', 'lease', '10'], /^paxmesh: invalid-request: /);
  await fails(1, ['master', 'transfer', 'nobody'], /^paxmesh: member-not-found: /);
});

// Fails when it gives up a node that was there as it does one that never was: tried.
test('feed follows from the beginning, shows what comes, and goes on after the node was away for however long', async () => {
  const node = cluster.node('c');
  const args = [CLI, 'feed', '--from', 'earliest', '--system', '--url', node.url];
  const child = watched(spawn(process.execPath, args, { env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] }));
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    complaint += chunk;
  });
  await committed(0, ['"before"']);
  await eventually('it shows the value', () => text.includes('"before"'));
  await node.stop();
  const missed = await committed(0, ['"while it was away"']);
  await eventually('it says what it waits for', () => complaint.includes('; trying on\n'));
  node.start();
  await node.untilReady();
  await eventually('it shows what it missed', () => text.includes('"while it was away"'));
  const { items } = (await (await fetch(`${urls[0]}/v1/groups/main/instances?from=0&limit=1000`)).json()) as {
    items: { instanceId: number; values: { applied?: boolean }[] }[];
  };
  const shownOnes = items.filter(({ values }) => values.some(({ applied }) => applied !== false));
  const seen = text
    .trimEnd()
    .split('\n')
    .map((line) => Number(line.split(' ')[0]));
  assert.deepEqual(
    seen.filter((instance) => instance <= missed),
    shownOnes.map(({ instanceId }) => instanceId).filter((instance) => instance <= missed),
  );
  assert.match(complaint, /^paxmesh: cannot reach http:\S+: ECONNREFUSED; trying on\n$/);
  child.kill('SIGINT');
  const [status, signal] = await once(child, 'exit');
  assert.deepEqual({ status, signal }, { status: null, signal: 'SIGINT' });
});

test('a reader that has seen enough ends a command quietly', async () => {
  let isOver = false;
  const reading = paxmesh(['feed', '--from', 'earliest', '--url', urls[0] ?? ''], { linesMax: 1 }).finally(() => {
    isOver = true;
  });
  // That nobody reads any more shows when it has more to say.
  while (!isOver) {
    await post(urls[0] ?? '', '"more"', null);
    await pause(100);
  }
  const { status, signal, stderr } = await reading;
  assert.deepEqual({ status, signal, stderr }, { status: 0, signal: null, stderr: '' });
});

test('what does not work ends with 1 and one line; --json gives the problem itself', async () => {
  await fails(1, ['get', '999999999'], /^paxmesh: instance-not-chosen: [^\n]+\(outcome: none\)\n$/);
  const problem = JSON.parse(await fails(1, ['get', '999999999', '--json'], /./)) as { code: string; status: number };
  assert.deepEqual([problem.code, problem.status], ['instance-not-chosen', 404]);
  await fails(1, ['get', '--group', 'nowhere'], /^paxmesh: group-not-found: [^\n]+\n$/);
  await fails(1, ['propose', '--machine', 'nobody', '1'], /^paxmesh: unknown-machine: [^\n]+\n$/);
  await fails(1, ['propose', '--timeout-ms', '0', '1'], /^paxmesh: invalid-request: [^\n]+\n$/);
  await fails(1, ['feed', '--group', 'nowhere'], /^paxmesh: the node closed the feed: 4404 [^\n]*\n$/);
  await fails(1, ['feed', '--from', 'yesterday'], /^paxmesh: the node closed the feed: 4400 [^\n]*\n$/);
  const nobody = `http://127.0.0.1:${await freePort()}`;
  await fails(1, ['status', '--url', nobody], /^paxmesh: cannot reach http:\/\/127[^\n]*: ECONNREFUSED\n$/);
});

test('words that make no sense end with 2 and the usage', async () => {
  for (const words of [
    [],
    ['frobnicate'],
    ['get', 'x'],
    ['get', '5..3'],
    ['status', '--frob'],
    ['propose', '1', '2'],
    ['members', 'frob'],
    ['members', 'add', 'x'],
    ['members', 'remove'],
    ['members', 'list', 'x'],
    ['master', 'frob'],
    ['master', 'transfer'],
    ['master', 'prefer'],
    ['master', 'prefer-none', 'a'],
    ['master', 'show', 'x'],
    ['master', 'lease', 'long'],
    ['backup', 'x'],
    ['restore'],
    ['inspect'],
    ['inspect', '--node', 'A b'],
    ['inspect', '--node', 'a', '--from', '1'],
    ['inspect', '--node', 'a', '--group', 'main', '--from', 'x'],
    ['inspect', '--node', 'a', '--group', 'main', '--limit', '1', '--check'],
    ['recover', '--store', 'embedded:x'],
    ['recover', '--node', 'a', '--url-advertised', 'nonsense'],
  ]) {
    await fails(2, words, /\n\nusage: paxmesh COMMAND/);
  }
  await fails(2, ['get', '--url', 'nonsense'], /^paxmesh: not an http URL: nonsense/);
});
