// A broken invariant inside somebody else's process: the node stops, says so to everybody, and the process goes on.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { type Applied, type ApplyContext, type Command, PaxmeshError } from 'paxmesh';
import { WebSocket } from 'ws';
import { InvariantBroken } from '../../src/core/invariant.js';
import { host } from './hosts.js';
import { Inventory } from './inventory.js';

/** Finds, while it is applied, what must never be: as one of the engine's own invariants would. */
class Treacherous extends Inventory {
  isArmed = false;

  override apply(command: Command, context: ApplyContext): Applied {
    if (this.isArmed) throw new InvariantBroken('in-order', 'not what was promised');
    return super.apply(command, context);
  }
}

test('the node stops and says halted; the routes of the host go on; onFatal is told once', async () => {
  const machine = new Treacherous();
  const told: unknown[] = [];
  const options = { machines: [machine], onFatal: (error: unknown) => told.push(error) };
  const app = await host(options, { after: (own) => own.get('/shop', () => ({ open: true })) });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const main = app.paxmesh.group('main');
  await main.propose('inventory', { op: 'stock', item: 'x', pieces: 1 });
  const peer = new WebSocket(`ws://127.0.0.1:${(app.server.address() as AddressInfo).port}/mesh`);
  await once(peer, 'open');
  const cut = once(peer, 'close');
  const followed = (async () => {
    for await (const _ of main.follow());
  })();

  machine.isArmed = true;
  const halted = (error: unknown): boolean => {
    assert.ok(error instanceof PaxmeshError);
    assert.equal(error.code, 'halted');
    assert.match(error.message, /not what was promised/);
    return true;
  };
  await assert.rejects(main.propose('inventory', { op: 'stock', item: 'x', pieces: 1 }), halted);
  await assert.rejects(followed, halted);
  const [, reason] = await cut;
  assert.equal(`${reason}`, 'going away');
  await assert.rejects(main.propose('log', 1), halted);
  await assert.rejects(main.read('inventory', 'x', { read: 'local' }), halted);
  await assert.rejects(main.waitFor(1000), halted);
  await assert.rejects(app.paxmesh.whenReady(), halted);
  assert.equal(main.isMaster, false);
  assert.equal(app.paxmesh.isReady, false);
  assert.equal(told.length, 1);
  const posted = await app.inject({ method: 'POST', url: '/v1/groups/main/proposals', body: 'v' });
  assert.deepEqual([posted.statusCode, posted.json().code], [503, 'halted']);
  assert.deepEqual((await app.inject({ url: '/shop' })).json(), { open: true });
});
