// Followers of the feed: each reads one group from its start, from whatever node runs, goes on elsewhere when that node
// dies, and holds every event against the log's meaning. Invariant: feed-exact.
import type { GroupId } from '../core/ids.js';
import type { Random } from '../core/random.js';
import type { Follower } from '../engine/face.js';
import type { FeedEvent } from '../engine/views.js';
import type { LogWitness } from './checkers/log-model.js';
import type { Life, SimNode } from './sim-node.js';
import { demand } from './violation.js';
import type { VirtualTime } from './virtual-time.js';

const WAIT_MS = 700;

export class Reader {
  /** First instance this reader has not been told about. */
  next = 0;
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #nodes: readonly SimNode[];
  readonly #witness: LogWitness;
  readonly #mayTrim: boolean;

  constructor(time: VirtualTime, random: Random, nodes: readonly SimNode[], witness: LogWitness, mayTrim: boolean) {
    this.#time = time;
    this.#random = random;
    this.#nodes = nodes;
    this.#witness = witness;
    this.#mayTrim = mayTrim;
  }

  get group(): GroupId {
    return this.#witness.group;
  }

  async run(): Promise<void> {
    for (;;) {
      const node = this.#nodes[this.#random.below(this.#nodes.length)];
      const life = node?.running ?? null;
      const face = node?.group(this.group) ?? null;
      if (node !== undefined && life !== null && face !== null) {
        await this.#read(life, face.follow({ from: this.next }), () => `${node.id} ${this.group}`);
      }
      await new Promise<void>((resolve) => {
        this.#time.after(this.#random.between(5, 200), resolve);
      });
    }
  }

  async #read(life: Life, follower: Follower, where: () => string): Promise<void> {
    let mourn = () => {};
    const death = new Promise<null>((resolve) => {
      mourn = () => resolve(null);
      life.mourners.add(mourn);
    });
    for (;;) {
      const events = await Promise.race([follower.next(WAIT_MS), death]);
      if (events === null) return;
      if (!events.every((event) => this.#heard(event, where))) break;
      // Now and then a reader goes to another node, and sometimes it is slow.
      if (this.#random.next() < 0.02) break;
      if (this.#random.next() < 0.05) {
        await new Promise<void>((resolve) => {
          this.#time.after(this.#random.between(5, 300), resolve);
        });
      }
    }
    life.mourners.delete(mourn);
    follower.close();
  }

  /** False: this follower is at its end. */
  #heard(event: FeedEvent, where: () => string): boolean {
    const { shown } = this.#witness.model;
    if (event.type === 'commit') {
      const { instanceId, values } = event;
      this.#passed(instanceId - 1, where);
      demand(instanceId === this.next, 'feed-exact', () => `${where()} sends ${instanceId} when ${this.next} is due`);
      const due = shown[instanceId] ?? [];
      const equal =
        due.length === values.length &&
        due.every(({ index, machine, valueJson }, place) => {
          const value = values[place];
          return value?.index === index && value.machine === machine && value.valueJson === valueJson;
        });
      demand(equal, 'feed-exact', () => `${where()} sends ${JSON.stringify(event)}, not ${JSON.stringify(due)}`);
      this.next++;
    } else if (event.type === 'bookmark') this.#passed(event.instanceId, where);
    else if (event.type === 'gap') {
      const { firstKept } = event;
      demand(this.#mayTrim && firstKept > this.next && firstKept <= shown.length, 'feed-exact', () => {
        return `${where()} reports a gap from ${this.next} to ${firstKept}`;
      });
      this.next = firstKept;
      return false;
    }
    return true;
  }

  /** Told, or sure to have missed nothing, up to `through`. */
  #passed(through: number, where: () => string): void {
    const { shown } = this.#witness.model;
    demand(through < shown.length, 'feed-exact', () => `${where()} speaks of ${through}, which is not chosen`);
    for (; this.next <= through; this.next++) {
      demand(
        shown[this.next]?.length === 0,
        'feed-exact',
        () => `${where()} skips ${this.next} on the way to ${through}`,
      );
    }
  }
}
