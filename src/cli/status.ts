// `paxmesh status`: a node's groups, who is master, who is there.
import { parseClient, print } from './client.js';
import { type MemberShown, memberLine } from './member-line.js';

interface Status {
  readonly group: string;
  readonly gid: string | null;
  readonly lastChosen: number;
  readonly applied: number;
  readonly halted: string | null;
  readonly master: { readonly node: string | null; readonly expiresInMs: number | null };
  readonly members: readonly MemberShown[];
}

export async function status(args: readonly string[]): Promise<void> {
  const { client } = parseClient(args);
  const text = await client.request('GET', '/v1/groups');
  if (client.json) return print(text);
  const node = JSON.parse(await client.request('GET', '/v1/node')) as {
    id: string;
    url: string;
    version: string;
    store: { kind: string };
  };
  print(`node ${node.id} at ${node.url}, paxmesh ${node.version}, ${node.store.kind} store`);
  for (const group of (JSON.parse(text) as { groups: Status[] }).groups) {
    const { master } = group;
    print(`group ${group.group}  gid ${group.gid ?? '-'}  last chosen ${group.lastChosen}  applied ${group.applied}`);
    if (group.halted !== null) print(`  HALTED: ${group.halted}`);
    print(master.node === null ? '  no master' : `  master ${master.node}, lease for ${master.expiresInMs} ms more`);
    for (const member of group.members) print(memberLine(member));
  }
}
