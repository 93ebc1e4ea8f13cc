// What clients asked for and were told. Every entry of every call has a number of its own in its payload (attempts under
// one idempotency key share theirs), so that what stands in the log can be held against what was said about it.
// Invariants: validity, acked-is-kept, acked-once, honest-outcome.
import type { GroupId, InstanceId } from '../../core/ids.js';
import { demand } from '../violation.js';

/** executed: state changed. rejected: the machine said no. The others: chosen and passed over. */
export type Verdict = 'executed' | 'rejected' | 'duplicate' | 'replayed' | 'reused' | 'precondition' | 'system';

export interface Place {
  readonly instance: InstanceId;
  readonly index: number;
  readonly verdict: Verdict;
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
  acked: boolean;
}

export class CallBook {
  readonly entries: BookEntry[] = [];

  add(group: GroupId): BookEntry {
    const entry = { number: this.entries.length, group, open: 0, maybe: 0, place: null, acked: false };
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
  }

  acknowledged(entry: BookEntry, instance: InstanceId, index: number, result: unknown): void {
    entry.open--;
    entry.maybe++;
    entry.acked = true;
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
    if (code === 'command-rejected' || code === 'precondition-failed') {
      const wanted = code === 'command-rejected' ? 'rejected' : 'precondition';
      demand(place?.verdict === wanted, 'honest-outcome', () => {
        return `command ${entry.number} was answered ${code}; in the log it is ${place?.verdict ?? 'nowhere'}`;
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
