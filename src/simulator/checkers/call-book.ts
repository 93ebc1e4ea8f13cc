// What clients asked for and were told. Every entry of every call has a number of its own in its payload (attempts under
// one idempotency key share theirs), so that what stands in the log can be held against what was said about it.
// It also knows how far anything was acknowledged: what begins later stands behind it.
// Invariants: validity, acked-is-kept, acked-once, honest-outcome, linearizable.
import type { GroupId, InstanceId } from '../../core/ids.js';
import { demand } from '../violation.js';

/** executed: state changed. rejected: the machine said no. The others: chosen and passed over. */
export type Verdict = 'executed' | 'rejected' | 'duplicate' | 'replayed' | 'reused' | 'precondition' | 'system';

/** Codes that only what stands in the log can be answered with. */
const REFUSALS: ReadonlySet<string> = new Set([
  'command-rejected',
  'precondition-failed',
  'key-not-found',
  'lock-held',
]);

export interface Place {
  readonly instance: InstanceId;
  readonly index: number;
  readonly verdict: Verdict;
  /** With which its caller is refused; null: it is not. */
  readonly code: string | null;
  /** The machine's answer, when it is one that can be foretold. */
  readonly result: unknown;
}

export interface BookEntry {
  readonly number: number;
  readonly group: GroupId;
  /** Attempts under way, and ended with an outcome other than "none". */
  open: number;
  maybe: number;
  /** Where it took effect, or was turned down by machine or condition. */
  place: Place | null;
  /** What had been acknowledged in its group when it was first asked for. */
  floor: InstanceId | null;
}

export class CallBook {
  readonly entries: BookEntry[] = [];
  readonly #floors = new Map<GroupId, InstanceId>();

  /** The highest instance that anybody was told of as done, or has read linearizably. */
  floorOf(group: GroupId): InstanceId {
    return this.#floors.get(group) ?? -1;
  }

  told(group: GroupId, instance: InstanceId): void {
    this.#floors.set(group, Math.max(this.floorOf(group), instance));
  }

  add(group: GroupId): BookEntry {
    const entry = { number: this.entries.length, group, open: 0, maybe: 0, place: null, floor: null };
    this.entries.push(entry);
    return entry;
  }

  /** The log says what becomes of a command that carries `number`. */
  decided(number: number | null, group: GroupId, place: Place): void {
    const entry = number === null ? undefined : this.entries[number];
    demand(entry !== undefined && entry.group === group, 'validity', () => {
      return `${group}/${place.instance}.${place.index} holds command ${number}, which nobody proposed there`;
    });
    if (place.verdict !== 'executed' && place.verdict !== 'rejected' && place.verdict !== 'precondition') return;
    demand(entry.place === null || entry.place.verdict !== 'executed', 'acked-once', () => {
      return `${group}: command ${number} takes effect at ${at(place)} and did at ${entry.place && at(entry.place)}`;
    });
    entry.place = place;
    if (place.verdict !== 'executed') return;
    demand(entry.open > 0 || entry.maybe > 0, 'honest-outcome', () => {
      return `${group}: command ${number} takes effect at ${at(place)}; its callers were told it never would`;
    });
  }

  begun(entry: BookEntry): void {
    entry.open++;
    entry.floor ??= this.floorOf(entry.group);
  }

  acknowledged(entry: BookEntry, instance: InstanceId, index: number, result: unknown): void {
    entry.open--;
    entry.maybe++;
    const place = entry.place;
    demand(place !== null, 'acked-is-kept', () => {
      return `${entry.group}: command ${entry.number} was acknowledged at ${instance}.${index} and is not chosen anywhere`;
    });
    demand(
      place.instance === instance && place.index === index && place.verdict === 'executed',
      'acked-is-kept',
      () => {
        return `${entry.group}: command ${entry.number} was acknowledged at ${instance}.${index}; it is ${place.verdict} at ${at(place)}`;
      },
    );
    const { floor } = entry;
    demand(floor === null || instance > floor, 'linearizable', () => {
      return `${entry.group}: command ${entry.number} stands at ${instance}, and ${floor} was acknowledged before it was asked for`;
    });
    this.told(entry.group, instance);
    demand(JSON.stringify(result) === JSON.stringify(place.result), 'same-state', () => {
      return `${entry.group}: command ${entry.number} answered ${JSON.stringify(result)}, not ${JSON.stringify(place.result)}`;
    });
  }

  refused(entry: BookEntry, outcome: 'none' | 'unknown' | 'committed', code: string): void {
    entry.open--;
    if (outcome !== 'none') entry.maybe++;
    const place = entry.place;
    if (outcome === 'committed') {
      demand(
        place !== null,
        'honest-outcome',
        () => `command ${entry.number} is said to be committed and is not chosen`,
      );
    }
    if (REFUSALS.has(code)) {
      demand(place?.code === code, 'honest-outcome', () => {
        return `command ${entry.number} was answered ${code}; in the log it is ${place?.code ?? place?.verdict ?? 'nowhere'}`;
      });
    }
    const settled = entry.open === 0 && entry.maybe === 0;
    demand(!settled || place === null || place.verdict !== 'executed', 'honest-outcome', () => {
      return `command ${entry.number} was answered ${code}, outcome none; it took effect at ${place && at(place)}`;
    });
  }

  /** The caller's node is gone: whatever was under way may still happen. */
  lost(entry: BookEntry): void {
    entry.open--;
    entry.maybe++;
  }
}

function at(place: Place): string {
  return `${place.instance}.${place.index}`;
}
