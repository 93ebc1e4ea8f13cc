// How long an order to the group waits is the caller's to say; without a word it is the node's own time. On virtual time.
// Tried: with the node's time in place of `timeoutMs` in master-desk.ts, group-desk.ts (retention) or members-desk.ts (the
// newcomer's) the order named in the failing test waits as long as the one that says nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PaxmeshError } from '../../src/engine/errors.js';
import type { GroupFace, OrderOptions } from '../../src/engine/face.js';
import { Cluster } from '../faults/cluster.js';

const SHORT = { timeoutMs: 300 } as const;
/** Longer than the short one takes, shorter than the node's own time. */
const BETWEEN_MS = 600;

const ORDERS: readonly (readonly [
  string,
  (face: GroupFace, heir: string, options?: OrderOptions) => Promise<unknown>,
])[] = [
  ['release', (face, _heir, options) => face.releaseMaster(options)],
  ['transfer', (face, heir, options) => face.transferMaster(heir, options)],
  ['lease', (face, _heir, options) => face.setLease(20_000, options)],
  ['prefer', (face, heir, options) => face.preferMaster(heir, options)],
  ['retention', (face, _heir, options) => face.setRetention({ keepInstances: 500 }, options)],
];

for (const [what, order] of ORDERS) {
  test(`${what}: one order waits as long as it says, another as long as the node does`, async () => {
    const cluster = await Cluster.start();
    const [other = '', heir = ''] = cluster.others;
    cluster.loses = ({ from, to }) => from === other || to === other;
    const ended: string[] = [];
    const ends = (name: string) => (error: PaxmeshError) => ended.push(`${name} ${error.status}`);
    const face = cluster.group(other);
    order(face, heir, SHORT).catch(ends('short'));
    order(face, heir).catch(ends('long'));
    await cluster.run(BETWEEN_MS);
    assert.deepEqual(ended, ['short 504']);
    await cluster.until('the node gives up too', () => ended.length === 2);
    assert.deepEqual(ended, ['short 504', 'long 504']);
  });
}

test('a newcomer that does not answer is waited for as long as the order says', async () => {
  const cluster = await Cluster.start();
  const ended: string[] = [];
  const nobody = { id: 'z', url: 'http://z' } as const;
  const ends = (name: string) => () => ended.push(name);
  const face = cluster.group(cluster.master);
  const [gone = ''] = cluster.others;
  cluster.kill(gone);
  face.addMember(nobody, SHORT).then(ends('short added'), ends('short refused'));
  face.addMember({ ...nobody, id: 'y', url: 'http://y' }).then(ends('long added'), ends('long refused'));
  await cluster.run(BETWEEN_MS);
  assert.deepEqual(ended, ['short refused']);
  await cluster.until('the other is answered', () => ended.length === 2);
  assert.deepEqual(ended, ['short refused', 'long refused']);
});
