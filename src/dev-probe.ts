// Questions that `paxmesh dev` asks its nodes. One that does not answer in time has not answered.
const ANSWER_MS = 1000;

export interface Master {
  readonly node: string | null;
  /** The instance that began the tenure, or ended it. */
  readonly version: number;
}

async function ask(url: string): Promise<{ readonly ok: boolean; readonly json: Record<string, unknown> }> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) });
  return { ok: answer.ok, json: (await answer.json()) as Record<string, unknown> };
}

export async function isReady(url: string): Promise<boolean> {
  return (await whyUnready(url)) === null;
}

/** null: it is ready. */
export async function whyUnready(url: string): Promise<string | null> {
  try {
    const { ok, json } = await ask(`${url}/readyz`);
    return ok ? null : String(json['detail']);
  } catch (error) {
    return `no answer (${error instanceof Error ? error.message : error})`;
  }
}

/** null: there is none, as far as this node can tell. */
export async function masterAt(url: string, group: string): Promise<Master | null> {
  try {
    const { node, version } = (await ask(`${url}/v1/groups/${group}/master`)).json;
    return typeof node === 'string' && typeof version === 'number' ? { node, version } : null;
  } catch {
    return null;
  }
}
