// The node as an embedding program sees it: `app.paxmesh`. Starting and stopping it is the plugin's affair.
import { PaxmeshError } from '../engine/errors.js';
import type { NodeFace } from '../engine/face.js';
import type { NodeStatus, ReadyCheck } from '../engine/views.js';
import type { Ending } from './following.js';
import { PaxmeshGroup } from './paxmesh-group.js';

const LOOK_MS = 20;

export class Paxmesh {
  readonly id: string;
  /** As others reach it. */
  readonly url: string;
  /** Names, in the order of the options. */
  readonly groups: readonly string[];
  readonly #node: NodeFace;
  readonly #ending: Ending;
  readonly #groups = new Map<string, PaxmeshGroup>();

  constructor(node: NodeFace, ending: Ending) {
    this.id = node.id;
    this.url = node.url;
    this.groups = node.groupNames;
    this.#node = node;
    this.#ending = ending;
    for (const name of node.groupNames) {
      const group = node.group(name);
      if (group !== undefined) this.#groups.set(name, new PaxmeshGroup(group, ending));
    }
  }

  /** Throws group-not-found. */
  group(name: string): PaxmeshGroup {
    const group = this.#groups.get(name);
    if (group === undefined) throw new PaxmeshError('group-not-found', `this node has no group ${name}`);
    return group;
  }

  status(): NodeStatus {
    return this.#node.status();
  }

  /** One line for each thing that proposals need, in all groups; all `ok`: this node can serve them. */
  readiness(): readonly ReadyCheck[] {
    const { broken } = this.#ending;
    if (broken === null) return this.#node.ready();
    return [{ name: 'node', ok: false, code: broken.code, detail: broken.message }];
  }

  get isReady(): boolean {
    return this.readiness().every(({ ok }) => ok);
  }

  /**
   * Resolves when this node can serve proposals in all its groups. Not to be awaited before the app listens: the other nodes
   * wait for this one. Throws what stands in the way after `timeoutMs`, 30000 unless it is given.
   */
  async whenReady({ timeoutMs = 30_000 }: { readonly timeoutMs?: number } = {}): Promise<void> {
    const until = performance.now() + timeoutMs;
    for (;;) {
      const failed = this.readiness().find(({ ok }) => !ok);
      if (failed === undefined) return;
      if (this.#ending.broken !== null) throw this.#ending.broken;
      if (this.#ending.closing.aborted) throw new PaxmeshError('draining', 'this node is shutting down');
      if (performance.now() >= until) throw new PaxmeshError('catching-up', `${failed.name}: ${failed.detail}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }
}
