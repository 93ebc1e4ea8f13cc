// The plugin's options are checked by the code that checks the settings of `serve`, and refused by their own names.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { type PaxmeshOptions, paxmesh, type StateMachine } from 'paxmesh';
import { machinesOf } from '../../src/embed/machines.js';
import { configFrom } from '../../src/embed/options.js';
import { host } from './hosts.js';
import { Inventory } from './inventory.js';

const NODE = { node: 'a', members: 'a=http://127.0.0.1:3000,b=http://127.0.0.1:3001' };

test('options are settings: lists, numbers and texts come out as those of serve do', () => {
  const config = configFrom({
    node: 'a',
    urlAdvertised: 'https://a.test',
    members: [
      { id: 'a', url: 'https://a.test' },
      { id: 'b', url: 'https://b.test:8443' },
    ],
    seeds: ['https://c.test'],
    groups: ['main', 'orders'],
    store: 'embedded:./data',
    leaseMs: 2000,
    timeoutMs: 300,
    valueBytesMax: 1000,
    clusterSecret: 'hunter2',
    tokens: ['ops:admin:one', 'eyes:read:two'],
  });
  const { node, urlAdvertised, members, seeds, groups, store, leaseMs, timeoutMs, valueBytesMax, clusterSecret } =
    config;
  assert.deepEqual(
    { node, urlAdvertised, members, seeds, groups, store, leaseMs, timeoutMs, valueBytesMax, clusterSecret },
    {
      node: 'a',
      urlAdvertised: 'https://a.test',
      members: [
        { id: 'a', url: 'https://a.test' },
        { id: 'b', url: 'https://b.test:8443' },
      ],
      seeds: ['https://c.test'],
      groups: ['main', 'orders'],
      store: { kind: 'embedded', directory: './data' },
      leaseMs: 2000,
      timeoutMs: 300,
      valueBytesMax: 1000,
      clusterSecret: 'hunter2',
    },
  );
  assert.deepEqual(
    config.tokens.map(({ name, role }) => `${name} ${role}`),
    ['ops admin', 'eyes read'],
  );
});

test('absent options have the defaults of serve, and the address is the one that members say', () => {
  const { urlAdvertised, groups, store, leaseMs, timeoutMs, valueBytesMax, clusterSecret } = configFrom(NODE);
  assert.deepEqual(
    { urlAdvertised, groups, store, leaseMs, timeoutMs, valueBytesMax, clusterSecret },
    {
      urlAdvertised: 'http://127.0.0.1:3000',
      groups: ['main'],
      store: { kind: 'embedded', directory: '.paxmesh/a' },
      leaseMs: 10_000,
      timeoutMs: 5000,
      valueBytesMax: 10_485_760,
      clusterSecret: null,
    },
  );
});

const OPEN = { ...NODE, urlAdvertised: 'http://10.0.0.1:3000' };
const REFUSED: readonly (readonly [string, object, RegExp])[] = [
  ['no id', { members: NODE.members }, /^paxmesh: node is required/],
  ['an id with capitals', { ...NODE, node: 'A', urlAdvertised: 'http://127.0.0.1:1' }, /^paxmesh: node: "A"/],
  ['no address', { node: 'a' }, /^paxmesh: urlAdvertised is required/],
  ['an address with a path', { ...NODE, urlAdvertised: 'http://127.0.0.1:1/x' }, /^paxmesh: urlAdvertised must/],
  ['no address at all', { ...NODE, urlAdvertised: 'here' }, /^paxmesh: urlAdvertised must/],
  ['a lease that is too short', { ...NODE, leaseMs: 999 }, /^paxmesh: leaseMs: "999"/],
  ['half a millisecond', { ...NODE, timeoutMs: 0.5 }, /^paxmesh: timeoutMs/],
  ['no number', { ...NODE, valueBytesMax: Number.NaN }, /^paxmesh: valueBytesMax/],
  [
    'members without this node',
    { ...NODE, node: 'c', urlAdvertised: 'http://127.0.0.1:1' },
    /^paxmesh: members does not/,
  ],
  ['a list in a list', { ...NODE, groups: ['main,other'] }, /^paxmesh: groups must be a list/],
  ['something else in a list', { ...NODE, seeds: [7] }, /^paxmesh: seeds must be a list/],
  ['something else', { ...NODE, node: { id: 'a' } }, /^paxmesh: node must be/],
  ['a name that is not known', { ...NODE, leasems: 2000 }, /^paxmesh: leasems is not an option/],
  ['a place to listen', { ...NODE, listen: '127.0.0.1:1' }, /^paxmesh: listen is not an option/],
  ['a store that forgets', { ...NODE, store: 'memory:' }, /^paxmesh: store memory: .*allowUnsafeStore: true/],
  [
    'others without a secret',
    OPEN,
    /^paxmesh: urlAdvertised 10\.0\.0\.1 .* clusterSecret and tokens, or add insecure: true/,
  ],
  ['others, the API closed', { ...OPEN, http: false }, /set clusterSecret, or add/],
  ['a bad token', { ...NODE, tokens: 'ops:chief:hunter2' }, /^paxmesh: tokens must be/],
];

test('what cannot be used is refused in one line that names the option and no secret', () => {
  for (const [what, options, line] of REFUSED) {
    assert.throws(
      () => configFrom(options as PaxmeshOptions),
      (error: Error) => {
        assert.equal(error.name, 'ConfigError', what);
        assert.match(error.message, line, what);
        assert.doesNotMatch(error.message, /\n|hunter2|PAXMESH/, what);
        return true;
      },
    );
  }
  assert.equal(configFrom({ ...OPEN, insecure: true }).insecure, true);
  assert.equal(configFrom({ ...OPEN, http: false, clusterSecret: 's' }).tokens.length, 0);
});

test('a machine serves one group: an instance for one, functions for several', () => {
  const own = new Inventory();
  assert.deepEqual(machinesOf(['main'], [own])('main'), [own]);
  assert.throws(() => machinesOf(['main', 'b'], [own]), /^ConfigError: paxmesh: machines: with several groups/);
  const made: string[] = [];
  const of = machinesOf(
    ['main', 'b'],
    [
      (group) => {
        made.push(group);
        return new Inventory();
      },
    ],
  );
  assert.deepEqual(made, ['main', 'b']);
  assert.notEqual(of('main')[0], of('b')[0]);
  assert.equal(of('main')[0], of('main')[0]);
  assert.throws(() => machinesOf(['main', 'b'], [() => own]), /the same inventory was given twice/);
});

test('machines that cannot be are refused', () => {
  const apply = () => ({ result: null });
  const refused: readonly (readonly [unknown, RegExp])[] = [
    [{ name: 'kv', apply }, /the name kv is taken/],
    [{ name: 'lock', apply }, /the name lock is taken/],
    [{ name: 'log', apply }, /the name log is taken/],
    [{ name: '$mine', apply }, /begin with a letter; one is "\$mine"/],
    [{ name: 'Mine', apply }, /begin with a letter/],
    [{ apply }, /begin with a letter/],
    [{ name: 'mine' }, /mine has no apply/],
    [{ name: 'mine', apply, snapshot: () => [] }, /mine needs both snapshot and restore/],
    [{ name: 'mine', apply, shadow: () => new Inventory() }, /mine has a shadow and no snapshot/],
    [Object.assign(new Inventory(), { shadow: new Inventory() }), /the shadow of inventory must be a function/],
    [Inventory, /Inventory is a class: give new Inventory\(\)/],
    [null, /must hold state machines/],
  ];
  for (const [machine, line] of refused) assert.throws(() => machinesOf(['main'], [machine as StateMachine]), line);
  const two = [
    { name: 'mine', apply },
    { name: 'mine', apply },
  ];
  assert.throws(() => machinesOf(['main'], two), /the name mine is taken/);
  assert.throws(() => machinesOf(['main'], {} as never), /must be a list/);
});

test('refusals come when the plugin is registered, and leave nothing behind', async () => {
  await assert.rejects(host({ leaseMs: 1 }), { name: 'ConfigError' });
  await assert.rejects(host({ machines: [Inventory as never] }), { name: 'ConfigError' });
  await assert.rejects(host({ prefix: 'api/' }), /prefix must be a path/);
  const inAScope = (app: FastifyInstance) =>
    app.register(async (scope) => void (await scope.register(paxmesh, NODE)), { prefix: '/below' });
  await assert.rejects(host({}, { before: inAScope }), /not below \/below/);
});
