// The examples, run as they are: what the README shows of them is what they print.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { host } from '../embed/hosts.js';
import { freePorts } from '../free-port.js';
import { runExample } from './run-example.js';

describe('examples', () => {
  test('election: everybody names the same master, and the next one when it has left', async () => {
    const lines = await runExample('election', [], await freePorts(3));
    const parsed = lines.map((line) => /^([abc]): the master is (me|[abc]), since instance (\d+)$/.exec(line));
    const at = lines.findIndex((line) => line.endsWith(' leaves'));
    const first = (lines[at] ?? '').charAt(0);
    const told = parsed.flatMap((match) =>
      match === null ? [] : [{ id: match[1], by: match[2] === 'me' ? match[1] : match[2] }],
    );
    assert.equal(lines.length, 6, lines.join('\n'));
    assert.equal(at, 3);
    assert.deepEqual(
      told
        .slice(0, 3)
        .map(({ id }) => id)
        .sort(),
      ['a', 'b', 'c'],
    );
    for (const { by } of told.slice(0, 3)) assert.equal(by, first);
    assert.deepEqual(
      told
        .slice(3)
        .map(({ id }) => id)
        .sort(),
      ['a', 'b', 'c'].filter((id) => id !== first),
    );
    assert.notEqual(told[3]?.by, first);
    assert.equal(told[3]?.by, told[4]?.by);
  });

  test('echo: the machine answers with what it is given, and all nodes hear all of it in one order', async () => {
    const lines = await runExample('echo', [], await freePorts(3));
    const all = 'hello from a, hello from b, hello from c';
    assert.deepEqual(
      lines.map((line) => line.replace(/instance \d+/, 'instance N')),
      [
        'a proposed, and instance N answers: hello from a',
        'b proposed, and instance N answers: hello from b',
        'c proposed, and instance N answers: hello from c',
        `a heard: ${all}`,
        `b heard: ${all}`,
        `c heard: ${all}`,
      ],
    );
  });

  test('kv: put, get, compare and set, list, and follow from there', async () => {
    const app = await host();
    await app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = app.server.address() as AddressInfo;
    const lines = await runExample('kv', [`http://127.0.0.1:${port}`], 0);
    assert.deepEqual(lines, [
      'hall is off',
      'first switch: 200, second switch: 412',
      'now: lights/door=off lights/hall=on',
      'change: put lights/door = on',
      'change: delete lights/hall',
    ]);
  });

  test('tickets: no seat is sold twice, and a counter that closes stops nobody', async () => {
    assert.deepEqual(await runExample('tickets', [], await freePorts(3)), [
      'sold: 10',
      'turned away: 20',
      'counter a is closed; at counter b: 200, at counter c: 409',
      'b knows 11 seats; row2-0 is for late',
      'c knows 11 seats; row2-0 is for late',
    ]);
  });

  test('bids: a machine is back from its checkpoint after a restart', async () => {
    const lines = await runExample('bids', [], await freePorts(1));
    assert.deepEqual(
      lines.map((line) => line.replace(/instance \d+/, 'instance N')),
      [
        'ada 10: taken: {"who":"ada","amount":10}',
        'bob 8: command-rejected: ada bids 10',
        'bob 12: taken: {"who":"bob","amount":12}',
        'written down: all through instance N',
        'after a restart: {"who":"bob","amount":12}',
      ],
    );
  });

  test('visits: checkpoints come from the shadow, and a start finds what it wrote', async () => {
    const lines = await runExample('visits', [], await freePorts(1));
    assert.deepEqual(
      lines.map((line) => line.replace(/instance \d+/, 'instance N')),
      [
        '1000 visits, written down through instance N by its shadow',
        '2000 visits, written down through instance N by its shadow',
        'after a restart: 20 visits of /page-7',
      ],
    );
  });

  test('simulate-counters: the simulator passes the sound machine, and tells what is wrong with the other', async () => {
    const lines = await runExample('simulate-counters', [], 0);
    assert.equal(lines[0], 'Hits: nothing found in 10 seeds');
    assert.match(
      lines[1] ?? '',
      /^ForgetfulHits: seed \d+ breaks same-state: the command at \d+\.\d+ ends in .*tenth visitor/,
    );
    assert.match(lines.at(-1) ?? '', / FAILED /);
  });

  for (const [document, name, example] of [
    ['README.md', 'Seats', 'tickets'],
    ['docs/machines.md', 'HighestBid', 'bids'],
    ['docs/machines.md', 'Visits', 'visits'],
  ] as const) {
    test(`the machine that ${document} shows is the one that was run`, () => {
      const root = new URL('.', import.meta.resolve('#package.json'));
      const read = (file: string) => readFileSync(fileURLToPath(new URL(file, root)), 'utf8');
      const machine = new RegExp(`^class ${name} [^]*?^}`, 'm').exec(read(`examples/${example}.ts`))?.[0] ?? '';
      assert.ok(machine.split('\n').length > 15);
      assert.ok(read(document).includes(machine));
    });
  }
});
