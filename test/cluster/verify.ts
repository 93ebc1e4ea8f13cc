// The checker: after the faults are over, everything anybody was told must agree with the logs, and the logs and the feeds
// with each other.
import assert from 'node:assert/strict';
import type { Cluster } from './cluster.js';
import type { Commit, FeedFollower } from './followers.js';
import type { Call } from './load.js';
import { eventually, type NodeProcess, READY_MS } from './node-process.js';

interface Entry {
  readonly instanceId: number;
  readonly checksum: unknown;
  readonly values: readonly {
    readonly index: number;
    readonly machine: string;
    readonly encoding: string;
    readonly value: unknown;
    readonly applied?: boolean;
    readonly reason?: string;
  }[];
}

interface Page {
  readonly items: readonly Entry[];
  readonly next: number;
  readonly firstKept: number;
  readonly lastChosen: number;
}

/** What clients sent, and what they were told. */
export interface Calls {
  readonly calls: readonly Call[];
}

export interface Verified {
  readonly log: readonly Entry[];
  readonly acknowledged: number;
  readonly refused: number;
}

/** Heals nothing and restarts nothing: that is the test's part. */
export async function verify(
  cluster: Pick<Cluster, 'nodes' | 'untilReady'>,
  loads: readonly Calls[],
  followers: readonly FeedFollower[] = [],
): Promise<Verified> {
  await cluster.untilReady();
  const told = loads.flatMap(({ calls }) => calls.map((call) => call.told));
  // The last acknowledged instance may be voted for and not yet counted again right after a restart.
  const answered = told.map((answer) => (answer.type === 'acknowledged' ? answer.instanceId : -1));
  const top = [...answered, ...(await Promise.all(cluster.nodes.map(lastChosen)))].reduce((a, b) => Math.max(a, b), -1);
  const logs: Entry[][] = [];
  for (const node of cluster.nodes) logs.push(await readLog(node, top));
  const [log = []] = logs;
  cluster.nodes.forEach((node, place) => {
    assert.deepEqual(
      logs[place]?.map(({ instanceId }) => instanceId),
      Array.from({ length: top + 1 }, (_, instance) => instance),
      `the log of ${node.id} has every instance once`,
    );
    assert.deepEqual(logs[place], log, `the logs of ${node.id} and ${cluster.nodes[0]?.id} are equal`);
  });
  checkAnswers(log, loads);
  for (const follower of followers) await checkFollower(follower, log);
  const count = (type: 'acknowledged' | 'none') => told.filter((answer) => answer.type === type).length;
  return { log, acknowledged: count('acknowledged'), refused: count('none') };
}

async function lastChosen(node: NodeProcess): Promise<number> {
  const answer = await fetch(`${node.url}/v1/groups/main`);
  return ((await answer.json()) as { lastChosen: number }).lastChosen;
}

export async function readLog(node: NodeProcess, top: number): Promise<Entry[]> {
  const entries: Entry[] = [];
  const until = performance.now() + READY_MS;
  while (entries.length <= top) {
    const query = `from=${entries.length}&limit=${Math.min(1000, top + 1 - entries.length)}&waitMs=1000`;
    const answer = await fetch(`${node.url}/v1/groups/main/instances?${query}`);
    assert.equal(answer.status, 200, `${node.id} answers with its log`);
    const page = (await answer.json()) as Page;
    entries.push(...page.items);
    assert.ok(performance.now() < until, `${node.id} has only ${entries.length} instances of ${top + 1}`);
  }
  return entries;
}

function checkAnswers(log: readonly Entry[], loads: readonly Calls[]): void {
  const places = new Map<string, string[]>();
  for (const { instanceId, values } of log) {
    for (const { index, machine, value, applied } of values) {
      if (machine !== 'log' || applied === false) continue;
      const text = JSON.stringify(value);
      places.set(text, [...(places.get(text) ?? []), `${instanceId}.${index}`]);
    }
  }
  for (const { value, told } of loads.flatMap(({ calls }) => calls)) {
    const found = places.get(value) ?? [];
    if (told.type === 'acknowledged') {
      assert.deepEqual(found, [`${told.instanceId}.${told.index}`], `${value}, acknowledged, stands once at its place`);
    } else if (told.type === 'none') {
      assert.deepEqual(found, [], `${value}, refused with ${told.code} and outcome none, never happened`);
    } else {
      assert.ok(found.length <= 1, `${value}, of unknown outcome, stands ${found.length} times`);
    }
  }
}

async function checkFollower(follower: FeedFollower, log: readonly Entry[]): Promise<void> {
  await eventually(`${follower.name} has seen the log`, () => {
    if (follower.failure !== null) throw follower.failure;
    return follower.position >= log.length;
  }).catch((error: Error) => {
    const { position, start, commits } = follower;
    throw new Error(`${error.message}: from ${start} it got ${commits.length}, up to ${position} of ${log.length}`);
  });
  const start = follower.start ?? 0;
  const expected: Commit[] = [];
  for (const { instanceId, values } of log.slice(start)) {
    const sent = values.filter(({ machine, applied }) => {
      return follower.everything || (applied !== false && !machine.startsWith('$'));
    });
    if (sent.length > 0) expected.push({ instanceId, values: sent });
  }
  const seen = follower.commits.filter(({ instanceId }) => instanceId < log.length);
  assert.deepEqual(
    seen.map(({ instanceId }) => instanceId),
    expected.map(({ instanceId }) => instanceId),
    `${follower.name}, from ${start}, got every instance once, in order`,
  );
  assert.deepEqual(seen, expected, `${follower.name} got the values of the log`);
}
