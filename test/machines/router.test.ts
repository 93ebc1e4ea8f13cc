import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Membership } from '../../src/core/membership.js';
import type { Command } from '../../src/machines/command.js';
import { KEY_INSTANCES } from '../../src/machines/idempotency.js';
import type { StateMachine } from '../../src/machines/machine.js';
import { MachineRouter } from '../../src/machines/router.js';

const founding: Membership = {
  gid: null,
  version: -1,
  members: [{ id: 'a', url: 'http://a', role: 'voter', store: null }],
};

interface Extra {
  readonly key?: string;
  readonly ifMaster?: number;
  readonly origin?: string;
}

function command(machine: string, sequence: number, body: unknown, extra: Extra = {}): Command {
  const { key = null, ifMaster = null, origin = 'a~1.x' } = extra;
  return {
    id: { origin, sequence },
    machine,
    encoding: 'json',
    bytes: Buffer.from(JSON.stringify(body)),
    key,
    ifMaster,
  };
}

function adder(): StateMachine & { sum: number; fail: boolean } {
  return {
    name: 'adder',
    sum: 0,
    fail: false,
    apply({ bytes }) {
      const add = JSON.parse(Buffer.from(bytes).toString()) as number;
      if (add < 0) return { rejected: 'negative' };
      if (this.fail) throw new Error('the disk of this machine is full');
      this.sum += add;
      return { result: this.sum };
    },
  };
}

test('a command is executed once, however often it is chosen', () => {
  const machine = adder();
  const router = new MachineRouter(founding, [machine]);
  assert.deepEqual(router.apply(0, [command('adder', 7, 5)]), [{ applied: true, result: 5 }]);
  const [again] = router.apply(1, [command('adder', 7, 5)]);
  assert.equal(again?.applied, false);
  assert.equal(machine.sum, 5);
  assert.equal(router.notApplied(1, 0), 'proposed again');
  assert.equal(router.notApplied(0, 0), undefined);
});

test('equal bytes of different proposals are different commands', () => {
  const machine = adder();
  const router = new MachineRouter(founding, [machine]);
  router.apply(0, [command('adder', 0, 5), command('adder', 1, 5), command('adder', 0, 5, { origin: 'b~1.y' })]);
  assert.equal(machine.sum, 15);
});

test('a repeated idempotency key gets the first answer and changes nothing, also when the first was a rejection', () => {
  const machine = adder();
  const router = new MachineRouter(founding, [machine]);
  router.apply(0, [command('adder', 0, 5, { key: 'k' }), command('adder', 1, -1, { key: 'bad' })]);
  const [repeat, reused, rejected] = router.apply(1, [
    command('adder', 2, 5, { key: 'k' }),
    command('adder', 3, 6, { key: 'k' }),
    command('adder', 4, -1, { key: 'bad' }),
  ]);
  assert.equal(machine.sum, 5);
  assert.ok(repeat?.applied === false && repeat.code === 'idempotency-replayed');
  assert.deepEqual(repeat.first.outcome, { applied: true, result: 5 });
  assert.equal(repeat.first.instance, 0);
  assert.ok(reused?.applied === false && reused.code === 'idempotency-key-reused');
  assert.ok(rejected?.applied === false && rejected.code === 'idempotency-replayed');
  assert.equal(rejected.first.outcome.applied, false);
});

test('an idempotency key is forgotten after its window of instances, the same everywhere', () => {
  const machine = adder();
  const router = new MachineRouter(founding, [machine]);
  router.apply(0, [command('adder', 0, 5, { key: 'k' })]);
  for (let instance = 1; instance < KEY_INSTANCES; instance++) router.apply(instance, []);
  const [expired] = router.apply(KEY_INSTANCES, [command('adder', 1, 5, { key: 'k' })]);
  assert.equal(expired?.applied, true);
});

test('If-Master holds or fails at apply, in log order', () => {
  const machine = adder();
  const router = new MachineRouter(founding, [machine]);
  const acquire = { op: 'acquire', node: 'a', origin: 'a~1.x', startedAtMs: 0, expects: null, leaseMs: 1000 };
  const [early] = router.apply(0, [command('adder', 0, 1, { ifMaster: 1 })]);
  assert.ok(early?.applied === false && early.code === 'precondition-failed');
  router.apply(1, [command('$master', 10, acquire)]);
  assert.equal(router.apply(2, [command('adder', 1, 1, { ifMaster: 1 })])[0]?.applied, true);
  router.apply(3, [command('$master', 11, { op: 'release', node: 'a', version: 1, heir: null })]);
  assert.equal(router.apply(4, [command('adder', 2, 1, { ifMaster: 1 })])[0]?.applied, false);
});

test('a machine that throws stops the batch there, and goes on there: nothing is applied twice', () => {
  const machine = adder();
  const router = new MachineRouter(founding, [machine]);
  const batch = [command('adder', 0, 5), command('log', 1, 'x'), command('adder', 2, 6)];
  machine.apply = function (this: typeof machine, one: Command) {
    const add = Number(Buffer.from(one.bytes).toString());
    if (add === 6 && this.fail) throw new Error('full');
    this.sum += add;
    return { result: this.sum };
  }.bind(machine);
  machine.fail = true;
  assert.throws(() => router.apply(0, batch), /full/);
  assert.throws(() => router.apply(0, batch), /full/);
  assert.equal(machine.sum, 5);
  assert.equal(router.applied, -1);
  machine.fail = false;
  assert.deepEqual(
    router.apply(0, batch).map((outcome) => outcome.applied && outcome.result),
    [5, null, 11],
  );
  assert.equal(router.applied, 0);
});

test('instances are applied one after the other or not at all', () => {
  const router = new MachineRouter(founding, []);
  router.apply(0, []);
  assert.throws(() => router.apply(0, []), /in-order/);
  assert.throws(() => router.apply(2, []), /in-order/);
});

test('a machine that is missing on this node halts it rather than being passed over', () => {
  const router = new MachineRouter(founding, []);
  assert.throws(() => router.apply(0, [command('nobody', 0, 1)]), /no machine named nobody/);
  assert.equal(router.applied, -1);
});

test('the founding value counts once, whatever this node was configured with', () => {
  const router = new MachineRouter(founding, []);
  const found = (members: unknown) => command('$membership', 0, { op: 'found', gid: 'g', members });
  const listed = [{ id: 'z', url: 'http://z', role: 'voter', store: 'Z' }];
  assert.equal(router.apply(0, [found(listed)])[0]?.applied, true);
  assert.deepEqual(router.membership.membership, { gid: 'g', version: 0, members: listed });
  assert.equal(router.apply(1, [found(founding.members)])[0]?.applied, false);
  assert.equal(router.membership.membership.version, 0);
});

test('a founder that was away is enrolled once, and nobody who is listed with a store', () => {
  const router = new MachineRouter(founding, []);
  const members = [
    { id: 'a', url: 'http://a', role: 'voter', store: 'A' },
    { id: 'b', url: 'http://b', role: 'voter', store: null },
  ];
  const enrol = (sequence: number, id: string, store: string) =>
    router.apply(sequence, [command('$membership', sequence, { op: 'enrol', id, store })])[0]?.applied;
  router.apply(0, [command('$membership', 0, { op: 'found', gid: 'g', members })]);
  assert.equal(enrol(1, 'a', 'another'), false);
  assert.equal(enrol(2, 'b', 'B'), true);
  assert.equal(enrol(3, 'b', 'another'), false);
  assert.equal(enrol(4, 'z', 'Z'), false);
  assert.deepEqual(
    router.membership.membership.members.map(({ store }) => store),
    ['A', 'B'],
  );
  assert.equal(router.membership.membership.version, 2);
});

test('of two candidates that saw the same lease, the second in the log is rejected', () => {
  const router = new MachineRouter(founding, []);
  const acquire = (node: string, expects: number | null) =>
    command('$master', 0, { op: 'acquire', node, origin: `${node}~`, startedAtMs: 0, expects, leaseMs: 1000 });
  const [first, second] = router.apply(0, [acquire('a', null), acquire('b', null)]);
  assert.equal(first?.applied, true);
  assert.equal(second?.applied, false);
  router.apply(1, [
    command('$master', 1, { op: 'renew', node: 'a', origin: 'a~', startedAtMs: 9, version: 0, leaseMs: 1000 }),
  ]);
  assert.equal(router.apply(2, [acquire('b', 0)])[0]?.applied, false, 'a renewal in between defeats the candidate');
  assert.deepEqual(router.master.state, {
    node: 'a',
    origin: 'a~',
    startedAtMs: 9,
    leaseMs: 1000,
    version: 0,
    renewal: 1,
    heir: null,
  });
});

// Found in the simulator: an operator was told that nothing had been done, because the repeat of its order was refused by
// the version that the order itself had made. Tried: without the table for reserved machines both parts fail.
test('a repeat of an order to the group itself is a repeat, and brings no old length of the lease back', () => {
  const router = new MachineRouter(founding, []);
  const found = command('$membership', 1, { op: 'found', gid: 'g', members: founding.members });
  const long = command('$master', 2, { op: 'set-lease', leaseMs: 9000 });
  const short = command('$master', 3, { op: 'set-lease', leaseMs: 2000 });
  router.apply(0, [found, long, short]);
  const repeats = router.apply(1, [found, long]);
  for (const outcome of repeats) assert.ok(!outcome.applied && outcome.code === 'duplicate', JSON.stringify(outcome));
  assert.equal(router.master.leaseMs, 2000);
  assert.equal(router.membership.membership.version, 0);
});
