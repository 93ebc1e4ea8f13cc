// One story of the lease race: some racers, one log, and what befalls them, drawn from one seed. Who believes what is
// checked after every step. A step is one thing that happens to one node, or one value that is chosen.
import type { Millis } from '../core/ids.js';
import type { Random } from '../core/random.js';
import { MasterMachine } from '../machines/master-machine.js';
import { type LogValue, masterCommand, Racer } from './lease-racer.js';
import type { RunTrace } from './trace.js';

export interface RaceTotals {
  /** Tenures that were won. */
  leases: number;
  renewals: number;
  /** Tenures that ended by their holder's word; all others ran out. */
  releases: number;
  /** Operations that came too late. */
  refused: number;
  /** Processes that started. */
  starts: number;
  steps: number;
  virtualMs: number;
}

export interface RaceFailure {
  readonly invariant: 'one-master' | 'progress';
  readonly detail: string;
}

const FAULTS = ['cut', 'mute', 'deafen', 'stop', 'crash', 'drain', 'resign', 'length', 'drift'] as const;
type Fault = (typeof FAULTS)[number];

const LEASE_MS_MIN = 1000;
const LEASE_MS_MAX = 3_600_000;
const NODES_MAX = 5;
/** So many leases without a holder are no progress, though the lease may have grown to four times its length. */
const PATIENCE_LEASES = 200;
/** Share of the values, and of their news, that take up to two leases. */
const SPIKES = 0.03;

export class LeaseStory {
  readonly #random: Random;
  readonly #drift: number;
  readonly #totals: RaceTotals;
  readonly #trace: RunTrace;
  readonly #racers: readonly Racer[];
  readonly #log: LogValue[] = [];
  readonly #truth = new MasterMachine();
  readonly #later: { readonly at: number; readonly run: () => void }[] = [];
  readonly #extreme: boolean;
  readonly #leaseMs: Millis;
  readonly #faults: readonly Fault[];
  /** Means: until a value is chosen, until a node applies it, how late timers are, between two faults. */
  readonly #chooseMs: number;
  readonly #applyMs: number;
  readonly #lateMs: number;
  readonly #faultMs: number;
  #now = 0;
  #heldAt = 0;
  #orders = 0;

  constructor(random: Random, drift: number, totals: RaceTotals, trace: RunTrace) {
    this.#random = random;
    this.#drift = drift;
    this.#totals = totals;
    this.#trace = trace;
    const leaseMs = Math.floor(LEASE_MS_MIN * (LEASE_MS_MAX / LEASE_MS_MIN) ** random.next());
    this.#leaseMs = leaseMs;
    this.#extreme = random.next() < 0.5;
    this.#chooseMs = random.next() < 0.5 ? 0.5 : random.between(1, leaseMs / 10);
    this.#applyMs = random.next() < 0.5 ? 0.5 : random.between(1, leaseMs / 5);
    this.#lateMs = random.next() < 0.7 ? 0.5 : random.between(1, 200);
    this.#faultMs = leaseMs * random.between(0.3, 1.5);
    this.#faults = FAULTS.filter((fault) => fault === 'cut' || random.next() < 0.6);
    const nodes = 2 + random.below(NODES_MAX - 1);
    this.#racers = Array.from({ length: nodes }, (_, rank) => {
      const own = random.next() < 0.8 ? leaseMs : this.#length();
      return new Racer(`n${rank + 1}`, rank, own, this.#speed(), random);
    });
  }

  run(leases: number): RaceFailure | null {
    const totals = this.#totals;
    const goal = totals.leases + leases;
    for (const racer of this.#racers) racer.stoppedUntil = this.#random.between(0, 100);
    this.#after(this.#soon(this.#faultMs), () => this.#strike());
    const patienceMs = PATIENCE_LEASES * this.#leaseMs;
    let won = totals.leases;
    let wonAt = 0;
    // A holder whom nothing befalls may go on for ever; the next story has others.
    while (totals.leases < goal && this.#now - wonAt < patienceMs) {
      this.#step();
      totals.steps++;
      if (totals.leases > won) wonAt = this.#now;
      won = totals.leases;
      const failure = this.#check(patienceMs);
      if (failure !== null) return failure;
    }
    totals.virtualMs += this.#now;
    return null;
  }

  #check(patienceMs: number): RaceFailure | null {
    let holder: Racer | null = null;
    for (const racer of this.#racers) {
      if (racer.view(this.#now)?.self !== true) continue;
      if (holder === null) {
        holder = racer;
        continue;
      }
      const detail = [holder, racer].map((one) => `${one.id} ${JSON.stringify(one.view(this.#now))}`).join(' and ');
      this.#say(() => `FAILED ${detail}`);
      return { invariant: 'one-master', detail };
    }
    if (holder !== null) this.#heldAt = this.#now;
    if (this.#now - this.#heldAt < patienceMs) return null;
    return { invariant: 'progress', detail: `nobody has held the lease since ${this.#heldAt}` };
  }

  #step(): void {
    let at = Number.POSITIVE_INFINITY;
    let who: Racer | null = null;
    for (const racer of this.#racers) {
      const next = racer.isUp ? Math.min(racer.timerAt, racer.applyAt) : 0;
      const due = Math.max(racer.stoppedUntil, next);
      if (due >= at) continue;
      at = due;
      who = racer;
    }
    let place = -1;
    this.#later.forEach((event, index) => {
      if (event.at >= at) return;
      at = event.at;
      place = index;
    });
    this.#now = Math.max(this.#now, at);
    this.#trace.add(this.#now);
    if (place >= 0) this.#later.splice(place, 1)[0]?.run();
    else if (who !== null) this.#act(who);
  }

  #act(racer: Racer): void {
    const now = this.#now;
    if (!racer.isUp) {
      this.#totals.starts++;
      // What it had applied without a flush of its own it has to be told again.
      racer.start(now, this.#log, Math.max(0, racer.next - this.#random.below(3)));
      this.#listen(racer);
      this.#say(() => `${racer.id} starts with ${racer.next} of ${this.#log.length}`);
    } else if (racer.applyAt <= racer.timerAt) {
      // What came while it stood still it takes at once, or piece by piece.
      const upTo = this.#random.next() < 0.7 ? this.#log.length : racer.next + 1;
      while (racer.next < upTo) racer.apply(now, this.#log);
      racer.applyAt = Number.POSITIVE_INFINITY;
      this.#listen(racer);
      this.#say(() => `${racer.id} applies ${racer.next - 1}: ${JSON.stringify(racer.view(now))}`);
    } else {
      racer.tick(now, this.#random.next() < 0.95);
    }
    this.#moved(racer);
  }

  /** After anything that a process did: what it wants to say, and when it wants to look again. */
  #moved(racer: Racer): void {
    racer.timerAt = Math.max(this.#now, racer.wakeAt) + this.#soon(this.#lateMs);
    if (racer.isProposing || racer.stoppedUntil > this.#now) return;
    const value = racer.seal();
    if (value === null) return;
    racer.isProposing = true;
    const { life } = racer;
    const heard = Math.max(0, racer.mutedUntil - this.#now);
    const isLost = heard > 0 && this.#random.next() < 0.5;
    this.#say(() => `${racer.id} proposes ${textOf(value)}${isLost ? ', in vain' : ''}`);
    this.#after(heard + this.#delay(this.#chooseMs), () => {
      if (!isLost) this.#chosen(value);
      if (racer.life !== life || !racer.isUp) return;
      racer.isProposing = false;
      this.#moved(racer);
    });
  }

  #chosen(value: LogValue): void {
    const totals = this.#totals;
    const instance = this.#log.push(value) - 1;
    this.#say(() => `${instance} is chosen: ${textOf(value)}`);
    value.forEach((command, index) => {
      const before = this.#truth.state;
      const applied = this.#truth.apply(command, { instance, index, timeMs: 0 });
      const { state } = this.#truth;
      if ('rejected' in applied) totals.refused++;
      else if (state === before || state === null) return;
      else if (state.node === null) totals.releases++;
      else if (state.version !== before?.version) totals.leases++;
      else totals.renewals++;
    });
    for (const racer of this.#racers) this.#listen(racer);
  }

  #listen(racer: Racer): void {
    if (!racer.isUp || racer.applyAt < Number.POSITIVE_INFINITY || racer.next >= this.#log.length) return;
    racer.applyAt = Math.max(this.#now, racer.deafUntil) + this.#delay(this.#applyMs);
  }

  /** Something befalls somebody, mostly the holder. */
  #strike(): void {
    const random = this.#random;
    this.#after(this.#soon(this.#faultMs), () => this.#strike());
    const fault = this.#faults[random.below(this.#faults.length)];
    const holder = this.#racers.find(({ id }) => id === this.#truth.state?.node);
    const any = this.#racers[random.below(this.#racers.length)];
    const racer = random.next() < 0.75 ? (holder ?? any) : any;
    if (racer === undefined || fault === undefined) return;
    const until = this.#now + this.#leaseMs * random.between(0.1, 2.5);
    this.#say(() => `${fault} ${racer.id} until ${until}`);
    switch (fault) {
      case 'cut':
      case 'mute':
      case 'deafen':
        if (fault !== 'deafen') racer.mutedUntil = until;
        if (fault !== 'mute') racer.deafUntil = until;
        return;
      case 'stop':
        racer.stoppedUntil = until;
        return;
      case 'crash':
        this.#crash(racer, until);
        return;
      case 'drain':
        this.#tell(racer, () => racer.release(this.#now));
        this.#after(random.between(0, this.#leaseMs), () => this.#crash(racer, until));
        return;
      case 'resign':
        this.#orderAway(racer);
        return;
      case 'length':
        this.#agree(this.#length());
        return;
      case 'drift':
        racer.drift(this.#now, this.#speed());
        if (racer.isUp) this.#moved(racer);
        return;
    }
  }

  /** A running process does something at once; one that stands still is not reached. */
  #tell(racer: Racer, act: () => void): void {
    if (!racer.isUp || racer.stoppedUntil > this.#now) return;
    act();
    this.#moved(racer);
  }

  #crash(racer: Racer, until: number): void {
    racer.die();
    racer.stoppedUntil = Math.max(this.#now, until);
    racer.applyAt = Number.POSITIVE_INFINITY;
  }

  /** What `asker` takes for the tenure that runs is to end; its word takes a while. */
  #orderAway(asker: Racer): void {
    const { node, version } = asker.view(this.#now) ?? { node: null, version: null };
    const holder = this.#racers.find(({ id }) => id === node);
    if (holder === undefined || version === null) return;
    const heir =
      this.#random.below(3) === 0 ? null : (this.#racers[this.#random.below(this.#racers.length)]?.id ?? null);
    this.#after(this.#delay(this.#applyMs), () => this.#tell(holder, () => holder.resign(this.#now, version, heir)));
  }

  #agree(leaseMs: Millis): void {
    const value = [masterCommand({ op: 'set-lease', leaseMs }, 'somebody', this.#orders++)];
    this.#after(this.#delay(this.#chooseMs), () => this.#chosen(value));
  }

  #after(ms: number, run: () => void): void {
    this.#later.push({ at: this.#now + ms, run });
  }

  #delay(meanMs: number): number {
    return this.#random.next() < SPIKES ? this.#leaseMs * this.#random.between(0, 2) : this.#soon(meanMs);
  }

  #soon(meanMs: number): number {
    return -Math.log(1 - this.#random.next()) * meanMs;
  }

  /** Another length, four times as long or short at most. */
  #length(): Millis {
    return Math.max(LEASE_MS_MIN, Math.floor(this.#leaseMs * 4 ** this.#random.between(-1, 1)));
  }

  #speed(): number {
    const drift = this.#extreme ? (this.#random.below(2) === 0 ? -1 : 1) : this.#random.between(-1, 1);
    return 1 + this.#drift * drift;
  }

  #say(what: () => string): void {
    if (this.#trace.wantsLines) this.#trace.line(this.#now, '', what());
  }
}

function textOf(value: LogValue): string {
  return value.map(({ bytes }) => Buffer.from(bytes).toString('utf8')).join(', ');
}
