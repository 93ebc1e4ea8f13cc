// Is this Redis a disk? Asks the server for every setting on which "acknowledged" depends, and names each that is wrong
// with what to change it to. Where CONFIG is forbidden it goes by INFO; then either the server has WAITAOF, and every
// flush waits for it, or the operator declares the settings with `?durability=declared` in the URL.
import type { NodeId } from '../core/ids.js';
import type { RedisConnection } from './redis-connection.js';

const NODES_KEY = 'paxmesh:nodes';

const REQUIRED = [
  ['appendonly', 'yes'],
  ['appendfsync', 'always'],
  ['no-appendfsync-on-rewrite', 'no'],
  ['aof-load-truncated', 'no'],
  ['maxmemory-policy', 'noeviction'],
] as const;

export interface RedisServer {
  /** Changes with every start of the server. */
  readonly runId: string;
  /** This run of the server began as a replica: it was promoted, and replication acknowledges before it copies. */
  readonly wasReplica: boolean;
}

export interface Durability {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  readonly useWaitAof: boolean;
  readonly server: RedisServer;
}

export async function checkDurability(connection: RedisConnection, declared: boolean): Promise<Durability> {
  const info = parseInfo(String(await connection.text('INFO')));
  const problems: string[] = [];
  const warnings: string[] = [];
  let useWaitAof = false;
  if (info.get('role') !== 'master') {
    problems.push(
      `its role is "${info.get('role')}": point PAXMESH_STORE at a master, or make it one with REPLICAOF NO ONE`,
    );
  }
  if (info.get('aof_last_write_status') === 'err') {
    problems.push('its last write to the append-only file failed: free disk space, or repair the disk');
  }
  const settings = await readSettings(connection);
  if (settings !== null) {
    for (const [name, wanted] of REQUIRED) {
      const found = settings.get(name);
      if (found === wanted) continue;
      problems.push(
        `${name} is "${found ?? 'unknown'}": set "${name} ${wanted}" (CONFIG SET ${name} ${wanted}, and in redis.conf)`,
      );
    }
  } else {
    if (info.get('aof_enabled') !== '1') problems.push('it has no append-only file: set "appendonly yes"');
    const policy = info.get('maxmemory_policy');
    if (policy !== undefined && policy !== 'noeviction') {
      problems.push(`maxmemory-policy is "${policy}": set "maxmemory-policy noeviction"`);
    }
    useWaitAof = await hasWaitAof(connection);
    if (!useWaitAof && declared)
      warnings.push('redis: CONFIG is forbidden there; its durability is declared, not checked');
    if (!useWaitAof && !declared) {
      problems.push(
        `CONFIG is forbidden, so its settings cannot be checked: set ${REQUIRED.map((pair) => `"${pair.join(' ')}"`).join(', ')} ` +
          'and say so with ?durability=declared in PAXMESH_STORE',
      );
    }
  }
  const server = {
    runId: info.get('run_id') ?? '',
    // The replication id of a former master; all zeros where there was none.
    wasReplica: /[1-9a-f]/.test(info.get('master_replid2') ?? ''),
  };
  return { problems, warnings, useWaitAof, server };
}

/** Enters the node among those whose stores this Redis holds, and names the others. */
export async function neighbours(connection: RedisConnection, node: NodeId): Promise<string[]> {
  await connection.text('SADD', NODES_KEY, node);
  const nodes = await connection.text('SMEMBERS', NODES_KEY);
  const others = Array.isArray(nodes) ? nodes.map(String).filter((other) => other !== node) : [];
  return others.sort();
}

/** null: the server forbids CONFIG. */
async function readSettings(connection: RedisConnection): Promise<Map<string, string> | null> {
  const settings = new Map<string, string>();
  for (const [name] of REQUIRED) {
    let answer: unknown;
    try {
      answer = await connection.text('CONFIG', 'GET', name);
    } catch (error) {
      if (error instanceof Error && /NOPERM|unknown command|not allowed|ERR command/i.test(error.message)) return null;
      throw error;
    }
    if (Array.isArray(answer) && answer.length >= 2) settings.set(name, String(answer[1]));
  }
  return settings;
}

async function hasWaitAof(connection: RedisConnection): Promise<boolean> {
  const answer = await connection.text('COMMAND', 'INFO', 'WAITAOF');
  return Array.isArray(answer) && Array.isArray(answer[0]);
}

function parseInfo(text: string): Map<string, string> {
  const facts = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) facts.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return facts;
}
