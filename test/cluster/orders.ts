// Orders about members and master, sent to a node as a script would, and what is to be seen of them.
import assert from 'node:assert/strict';
import { eventually, type NodeProcess, pause, READY_MS } from './node-process.js';

export interface Answer {
  readonly status: number;
  /** Of a problem; null of a success. */
  readonly code: string | null;
  readonly etag: string | null;
  readonly json: Readonly<Record<string, unknown>>;
}

export interface MemberSeen {
  readonly id: string;
  readonly url: string;
  readonly role: 'voter' | 'learner' | 'observer';
  readonly live: boolean;
  readonly needsReadmission: boolean;
}

const ANSWER_MS = 90_000;
const AGAIN_MS = 100;
/** What an order is refused with while too few links are up, or too little of the log has come over them. */
const FOR_NOW = ['would-lose-quorum', 'not-caught-up', 'no-quorum', 'catching-up'];

export const isForNow = ({ code, json }: Answer): boolean => FOR_NOW.includes(code ?? '') && json['outcome'] === 'none';

export async function order(
  node: NodeProcess,
  method: string,
  path: string,
  body?: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const answer = await fetch(`${node.url}/v1/groups/main${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  const json = (await answer.json()) as Record<string, unknown>;
  const code = answer.ok ? null : String(json['code']);
  return { status: answer.status, code, etag: answer.headers.get('etag'), json };
}

/**
 * The order is carried out. A link that was silent for 750 ms counts as down, and on a busy machine every link is at times:
 * an order that is refused for that has done nothing, and is given again, as anybody would.
 */
export async function done(status: number, ...words: Parameters<typeof order>): Promise<Answer> {
  let answer = await order(...words);
  const until = performance.now() + READY_MS;
  while (isForNow(answer) && performance.now() < until) {
    await pause(AGAIN_MS);
    answer = await order(...words);
  }
  assert.equal(answer.status, status, `${words[1]} ${words[2]}: ${JSON.stringify(answer.json)}`);
  return answer;
}

/** The order is refused, for this reason. */
export async function refused(code: string, ...words: Parameters<typeof order>): Promise<void> {
  const answer = await order(...words);
  assert.equal(answer.code, code, `${words[1]} ${words[2]}: ${JSON.stringify(answer.json)}`);
}

export async function membersAt(node: NodeProcess): Promise<readonly MemberSeen[]> {
  return (await order(node, 'GET', '/members')).json['members'] as readonly MemberSeen[];
}

/** `a voter, b learner`: the members as this node has applied them. */
export async function rolesAt(node: NodeProcess): Promise<string> {
  return (await membersAt(node))
    .map(({ id, role }) => `${id} ${role}`)
    .sort()
    .join(', ');
}

export async function untilRoles(roles: string, ...nodes: readonly NodeProcess[]): Promise<void> {
  for (const node of nodes) {
    let seen = '';
    await eventually(`${node.id} has the members ${roles}`, async () => {
      seen = await rolesAt(node);
      return seen === roles;
    }).catch((error: Error) => {
      throw new Error(`${error.message}; it has ${seen}`);
    });
  }
}

/** `at` has noticed that they are gone. */
export async function untilLost(at: NodeProcess, ids: readonly string[]): Promise<void> {
  await eventually(`${at.id} has lost ${ids.join(' and ')}`, async () => {
    const members = await membersAt(at);
    return ids.every((id) => members.some((one) => one.id === id && !one.live));
  });
}

/** Why a node is not ready. */
export async function unreadyCodes(node: NodeProcess): Promise<readonly string[]> {
  const answer = await fetch(`${node.url}/readyz`);
  const { checks } = (await answer.json()) as { readonly checks: readonly { readonly code: string | null }[] };
  return checks.flatMap(({ code }) => (code === null ? [] : [code]));
}
