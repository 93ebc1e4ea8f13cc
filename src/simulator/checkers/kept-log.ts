// How long the log of one group is that a process keeps. With K instances that are to be kept, A the last one applied and C the
// last one inside the newest checkpoint, what is kept at least begins at the oldest of: A + 1 - K, C + 1, and what a peer that
// fetches a checkpoint asks for next. Trimming goes there once a twentieth of K lies before it, so that is how much more there
// may be, and the whole log has at most
//     max(K, A - C, A + 1 - needed) + K / 20
// instances. A - C in turn: a checkpoint is due every quarter of K, or 25,000 instances. One is under way from then on, but for
// nine times as long as the last one took, and five seconds after one that failed; what is applied meanwhile comes on top. So the
// log is bounded as long as checkpoints come to their end. Nothing is trimmed while the group says so; what an installed
// checkpoint has swallowed stays on disk until it is named there, and what could not be taken away until the next trim.
// Looks after each step in which the process has applied something, because that is when it looks itself, and once more after the
// next one before it says that something is wrong. Invariant: bounded.
import type { InstanceId } from '../../core/ids.js';
import type { GroupFace } from '../../engine/face.js';
import { demand } from '../violation.js';

const TRIM_SHARE = 20;
const CHECKPOINT_SHARE = 4;
const CHECKPOINT_INSTANCES_MAX = 25_000;
const REST_FACTOR = 9;
const RETRY_MS = 5000;
/** The process' clock may be off, and it looks only when something is applied. */
const SLACK = 1.2;
/** Of a process that runs, with nothing to wait for: blocks and a flush take some milliseconds each. */
const OWED_MS_MAX = 1000;
/** Longer between two looks it stood still, or had nothing to apply. */
const LOOK_MS_MAX = 50;

export interface Keeping {
  /** The group is loaded, and its store can be written to. */
  readonly isUp: boolean;
  /** Where the log begins on disk; null: the disk is another process' by now. */
  readonly stored: InstanceId | null;
  /** First instance that peers may ask for after what they fetch here; null: nobody fetches. */
  readonly needed: InstanceId | null;
}

export class KeptLog {
  #applied: InstanceId = -1;
  #wasUp = false;
  /** The last instance inside the newest checkpoint that the process has done with: older ones are dropped before it trims. */
  #checkpoint: InstanceId = -1;
  /** Where the log began when it was too long; null: it was not. */
  #suspected: InstanceId | null = null;
  #lookedAt = 0;
  /** More is on disk than is kept, and the next trim sees to it. */
  #owesTrim = false;
  /** When the checkpoint that is under way became due; null: none is. */
  #dueAt: number | null = null;
  /** How long the process has owed one. */
  #owedMs = 0;
  #restUntil = 0;

  /** A note of the process about its group. */
  noted(name: string, { instance }: Readonly<Record<string, unknown>>, now: number): void {
    if (name === 'trim-failed') this.#owesTrim = true;
    if (name === 'checkpoint' || name === 'installed') this.#checkpoint = Number(instance);
    if (name !== 'checkpoint' && name !== 'checkpoint-failed') return;
    const took = this.#dueAt === null ? 0 : now - this.#dueAt;
    const rest = name === 'checkpoint' ? REST_FACTOR * took : RETRY_MS;
    this.#restUntil = Math.max(this.#restUntil, now + SLACK * rest);
    this.#dueAt = null;
  }

  /** After a step of the process. */
  looks(where: () => string, face: GroupFace, keeping: () => Keeping, now: number): void {
    const { applied, firstKept } = face;
    const suspected = this.#suspected;
    this.#suspected = null;
    if (applied === this.#applied && suspected !== firstKept) return;
    const isFirst = this.#applied < 0;
    const facts = keeping();
    const wasUp = this.#wasUp;
    this.#wasUp = facts.isUp;
    const sinceMs = applied === this.#applied ? 0 : Math.min(now - this.#lookedAt, LOOK_MS_MAX);
    this.#applied = applied;
    this.#lookedAt = now;
    // What was read at the start, or while the store was away, is looked at with the next instance.
    if (isFirst || !facts.isUp || !wasUp) {
      this.#owesTrim ||= facts.stored !== null && facts.stored < firstKept;
      if (isFirst) this.#checkpoint = face.checkpoints()[0]?.instanceId ?? -1;
      return;
    }
    const checkpoint = face.checkpoints()[0]?.instanceId ?? -1;
    this.#isTaken(where, applied - checkpoint, face.retention.keepInstances, sinceMs, now);
    const wrong = this.#wrong(face, checkpoint, facts);
    if (wrong === null) return;
    demand(suspected !== firstKept, 'bounded', () => `${where()} ${wrong}`);
    // The step may have ended between the instance and the trim.
    this.#suspected = firstKept;
  }

  /** What is on disk that should not be; null: nothing. */
  #wrong({ applied, firstKept, retention }: GroupFace, checkpoint: InstanceId, keeping: Keeping): string | null {
    const { keepInstances, trimming } = retention;
    const { stored, needed } = keeping;
    // An installed checkpoint is not named on disk yet, or never was, because the store failed first.
    if (firstKept > checkpoint + 1) this.#owesTrim = true;
    if (trimming === 'paused' || firstKept > checkpoint + 1) return null;
    const before = Math.min(applied + 1 - keepInstances, this.#checkpoint + 1, needed ?? applied + 1);
    if (before - firstKept >= Math.ceil(keepInstances / TRIM_SHARE)) {
      const facts = `applied ${applied}, checkpoint ${this.#checkpoint}, needed ${needed}, to be kept ${keepInstances}`;
      return `keeps its log from ${firstKept} on: ${facts}`;
    }
    if (stored === null) return null;
    if (stored >= firstKept) this.#owesTrim = false;
    else if (!this.#owesTrim) return `has its log on disk from ${stored} on, and keeps it from ${firstKept} on`;
    return null;
  }

  #isTaken(where: () => string, behind: number, keepInstances: number, sinceMs: number, now: number): void {
    if (behind < Math.min(CHECKPOINT_INSTANCES_MAX, Math.ceil(keepInstances / CHECKPOINT_SHARE))) {
      this.#owedMs = 0;
      return;
    }
    this.#dueAt ??= now;
    if (now < this.#restUntil) return;
    this.#owedMs += sinceMs;
    demand(this.#owedMs <= OWED_MS_MAX, 'bounded', () => {
      return `${where()} has applied ${behind} instances since its last checkpoint, and takes none`;
    });
  }
}
