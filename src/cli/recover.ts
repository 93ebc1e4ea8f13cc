// `paxmesh recover`: when a quorum is lost for ever, makes the groups in this node's store go on with this node alone, as another
// cluster (src/engine/rescue/group-recovery.ts). Without its flag it says what would happen and changes nothing. The node must not
// run: an embedded store is locked then, a Redis store is asked who uses it, and the node's address is tried.
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { LogStore } from '../engine/log-store.js';
import { type GroupRecovery, planRecovery } from '../engine/rescue/group-recovery.js';
import type { StoreView } from '../engine/rescue/store-reader.js';
import { httpOrigin } from '../http-origin.js';
import { createReader, createStore } from '../store/open-store.js';
import { print } from './client.js';
import { CommandFailed, UsageError } from './errors.js';
import { readStoreSettings, STORE_OPTIONS, type StoreSettings } from './store-settings.js';

const PROBE_MS = 2000;

interface Order {
  readonly node: string;
  readonly group: string | undefined;
  readonly url: string | null;
}

export async function recover(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    strict: true,
    options: {
      ...STORE_OPTIONS,
      group: { type: 'string' },
      'url-advertised': { type: 'string' },
      'allow-unsafe-store': { type: 'boolean', default: false },
      'yes-lose-data': { type: 'boolean', default: false },
    },
  });
  const settings = readStoreSettings(values, true);
  const url = values['url-advertised'] === undefined ? null : httpOrigin(values['url-advertised']);
  if (values['url-advertised'] !== undefined && url === null)
    throw new UsageError('--url-advertised is http://host:port');
  const order: Order = { node: settings.node, group: values.group, url };
  const planned = await look(settings, order);
  await mustNotRun(settings.node, planned);
  const isDone = values['yes-lose-data'] && planned.length > 0;
  const plans = isDone ? await act(settings, order, values['allow-unsafe-store']) : planned;
  if (values.json) print(JSON.stringify({ done: isDone, groups: plans.map(viewOf) }));
  else for (const plan of plans) print(linesOf(plan, settings.node, isDone).join('\n  '));
  if (plans.length === 0 && !values.json)
    print('there is nothing to recover: no group of this store has another member');
  if (plans.length > 0 && !isDone) throw new CommandFailed('nothing was changed; add --yes-lose-data to do it');
}

async function look({ store, node }: StoreSettings, order: Order): Promise<readonly GroupRecovery[]> {
  const reader = await createReader(store, node);
  try {
    const { identity, inUse } = await reader.open();
    if (inUse) throw new CommandFailed(`the store of ${node} is in use by a running node: stop it first`);
    return await plansOf(reader, identity, order);
  } finally {
    await reader.close();
  }
}

/** Opens the store as a node does: whoever should have it open after all is fenced off before anything is written. */
async function act(settings: StoreSettings, order: Order, allowUnsafe: boolean): Promise<readonly GroupRecovery[]> {
  const store: LogStore = await createStore(settings.store, { node: settings.node, allowUnsafe });
  try {
    const { identity } = await store.open();
    const plans = await plansOf(store, identity, order);
    await store.commit(plans.map(({ group, writes }) => ({ group, writes })));
    return plans;
  } finally {
    await store.close();
  }
}

async function plansOf(
  store: StoreView,
  storeId: string,
  { node, group, url }: Order,
): Promise<readonly GroupRecovery[]> {
  const known = await store.groups();
  if (group !== undefined && !known.includes(group)) throw new CommandFailed(`this store has no group ${group}`);
  const at = new Date().toISOString();
  const plans: GroupRecovery[] = [];
  for (const name of group === undefined ? known : [group]) {
    const newGid = randomBytes(8).toString('hex');
    const plan = await planRecovery(store, name, { self: node, storeId, url, newGid, at });
    if (plan !== null) plans.push(plan);
  }
  return plans;
}

/** Where it was to be reached before, and where it shall be. */
async function mustNotRun(node: string, plans: readonly GroupRecovery[]): Promise<void> {
  const urls = plans.flatMap(({ before, after }) =>
    [...before.members, ...after.members].filter(({ id }) => id === node),
  );
  for (const url of new Set(urls.map((member) => member.url))) {
    const answer = await fetch(new URL('/livez', url), { signal: AbortSignal.timeout(PROBE_MS) }).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.headers.get('paxmesh-node') === node) throw new CommandFailed(`${node} runs at ${url}: stop it first`);
  }
}

function viewOf({ group, before, after, lastChosen, closes, warnings }: GroupRecovery) {
  const members = before.members.map(({ id }) => id);
  return {
    group,
    gidBefore: before.gid,
    gid: after.gid,
    members,
    instanceId: after.version,
    lastChosen,
    closes,
    warnings,
  };
}

function linesOf(
  { group, before, after, lastChosen, closes, warnings }: GroupRecovery,
  node: string,
  isDone: boolean,
): string[] {
  const others = before.members.map(({ id }) => id).filter((id) => id !== node);
  return [
    `group ${group}: ${node} ${isDone ? 'goes' : 'would go'} on alone, as another cluster`,
    `gid      ${before.gid} ${isDone ? 'was' : 'is'} the old one, ${isDone ? `${after.gid} is the new one` : 'a new one is made'}`,
    `members  ${before.members.map(({ id }) => id).join(', ')}; from instance ${after.version} on ${node} at ${after.members[0]?.url}`,
    `kept     all instances through ${lastChosen}`,
    ...(closes === null ? [] : [`closed   the vote at instance ${closes}: it may have been acknowledged`]),
    `lost     what ${others.join(', ')} acknowledged after instance ${closes ?? lastChosen} without ${node}, if anything`,
    ...warnings.map((warning) => `WARNING  ${warning}`),
  ];
}
