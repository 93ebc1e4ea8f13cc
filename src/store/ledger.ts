// The books a store on a fallible medium keeps, in memory and in two kinds of rows: one row per group, which says what
// the group's other rows must be, and one head row, which says what all group rows must be. Every flush rewrites the rows
// it touches together with what it writes, in one atomic act. So when the medium afterwards garbles, loses or rolls back
// any row in the middle of its history, the sums no longer add up, and the next opening finds it out.
//
// The ledger turns a batch of writes into rows and judges the rows of an opening. It does no input or output. After a
// failed flush it is wrong and must be thrown away: the store reads its rows again.

import { compareBallots, NO_BALLOT } from '../core/ballot.js';
import type { RecordWrite } from '../core/effects.js';
import type { GroupId, InstanceId } from '../core/ids.js';
import type { GroupWrites } from '../engine/log-store.js';
import type { GroupBook } from './group-book.js';
import { beginAt } from './group-book.js';
import { groupKey, HEAD_KEY, logPrefix, recordKey, variableKey } from './keys.js';
import {
  decodeGroupRow,
  decodeHead,
  decodeVariable,
  encodeGroupRow,
  encodeHead,
  encodeRecord,
  encodeVariable,
} from './record.js';
import { claimedCrc, computedCrc } from './row-buffer.js';

/** Takes the rows of one flush. `place` is the row's key (keys.ts). */
export interface RowSink {
  record(group: GroupId, instance: InstanceId, place: Buffer, row: Buffer): void;
  variable(group: GroupId, name: string, place: Buffer, row: Buffer): void;
  group(group: GroupId, place: Buffer, row: Buffer): void;
  head(place: Buffer, row: Buffer): void;
}

/** The rows found at an opening, without the log's. */
export interface FoundRows {
  readonly head: Buffer | null;
  readonly groups: ReadonlyMap<GroupId, Buffer>;
  readonly variables: readonly { readonly group: GroupId; readonly name: string; readonly row: Buffer }[];
  /** Groups of which log rows exist. */
  readonly logs: ReadonlySet<GroupId>;
}

const SUM = 0x1_0000_0000;
const add = (sum: number, crc: number): number => (sum + crc) % SUM;
const subtract = (sum: number, crc: number): number => (sum + SUM - crc) % SUM;

export class Ledger {
  readonly books = new Map<GroupId, GroupBook>();
  epoch = 0;
  flush = 0;
  #groupSum = 0;
  #groupsLost = false;

  /** The books of what was found. null: the head itself cannot be read. */
  static of(found: FoundRows): Ledger | null {
    const ledger = new Ledger();
    if (found.head === null) return ledger;
    const head = decodeHead(HEAD_KEY, found.head);
    if (head === null) return null;
    ledger.epoch = head.epoch;
    ledger.flush = head.flush;
    ledger.#groupsLost = head.groupsLost;
    const bad: { place: Buffer; row: Buffer }[] = [];
    for (const [group, row] of found.groups) {
      const book = ledger.#enter(group, row);
      if (!book.known) bad.push({ place: book.place, row });
    }
    for (const { group, name, row } of found.variables) ledger.#enterVariable(group, name, row);
    for (const group of found.logs) ledger.#known(group);
    ledger.#weigh(head.groupSum, bad);
    return ledger;
  }

  book(group: GroupId): GroupBook | undefined {
    return this.books.get(group);
  }

  /** Condemns every group, the unknown ones too: the store as a whole may have gone back in time. */
  doubt(why: string): void {
    this.#groupsLost = true;
    for (const book of this.books.values()) book.voteLost ??= why;
  }

  /** Why a group that has no rows may nevertheless have voted. */
  get doubtOfUnknown(): string | null {
    return this.#groupsLost ? 'the store lost rows, and may have lost all of this group' : null;
  }

  /** The rows that begin an epoch: the head, and the rows of groups whose doubt must not be forgotten. */
  begin(epoch: number, sink: RowSink): void {
    this.epoch = epoch;
    this.flush += 1;
    for (const [group, book] of this.books) if (book.known && book.voteLost !== null) this.#putGroup(group, book, sink);
    this.#putHead(sink);
  }

  /** The rows of one flush. False: it is empty. */
  compile(batch: readonly GroupWrites[], sink: RowSink): boolean {
    if (batch.every(({ writes }) => writes.length === 0)) return false;
    this.flush += 1;
    for (const { group, writes } of batch) {
      if (writes.length === 0) continue;
      const book = this.#writable(group);
      for (const write of writes) {
        if (write.type === 'record') this.#putRecord(group, book, write, sink);
        else if (write.type === 'variable') this.#putVariable(group, book, write.name, write.json, sink);
        else if (write.type === 'begin') beginAt(book, write.instance);
        else {
          book.voteLost = null;
          if (compareBallots(write.ballot, book.promised) > 0) book.promised = { ...write.ballot };
        }
      }
      this.#putGroup(group, book, sink);
    }
    this.#putHead(sink);
    return true;
  }

  /** The rows that say the log begins at `before`. False: it does already. */
  trim(group: GroupId, before: InstanceId, sink: RowSink): boolean {
    const book = this.books.get(group);
    if (book === undefined || before <= book.first) return false;
    this.#writable(group);
    this.flush += 1;
    beginAt(book, before);
    this.#putGroup(group, book, sink);
    this.#putHead(sink);
    return true;
  }

  #putRecord(group: GroupId, book: GroupBook, write: RecordWrite, sink: RowSink): void {
    const { instance } = write;
    // Below the beginning everything is gone at once.
    if (instance < book.first) return;
    const empty = book.last < book.first;
    const place = recordKey(book.prefix, instance);
    let link: number | null = null;
    if (!empty && instance === book.last + 1) link = book.lastCrc;
    else if (!empty && instance === book.last) link = book.lastLink;
    const row = encodeRecord(place, write, link, this.flush);
    const crc = claimedCrc(row);
    if (empty || instance >= book.last) {
      book.last = instance;
      book.lastCrc = crc;
      book.lastLink = link;
    } else if (instance === book.last - 1) {
      book.lastLink = crc;
    }
    book.dropped.delete(instance);
    sink.record(group, instance, place, row);
  }

  #putVariable(group: GroupId, book: GroupBook, name: string, json: string, sink: RowSink): void {
    const place = variableKey(group, name);
    const row = encodeVariable(place, json, this.flush);
    const crc = claimedCrc(row);
    book.variableSum = add(subtract(book.variableSum, book.variables.get(name) ?? 0), crc);
    book.variables.set(name, crc);
    sink.variable(group, name, place, row);
  }

  #putGroup(group: GroupId, book: GroupBook, sink: RowSink): void {
    const row = encodeGroupRow(book.place, {
      flush: this.flush,
      promised: book.promised,
      first: book.first,
      last: book.last,
      lastCrc: book.lastCrc,
      lastLink: book.lastLink,
      variableSum: book.variableSum,
      voteLost: book.voteLost,
    });
    const crc = claimedCrc(row);
    this.#groupSum = add(subtract(this.#groupSum, book.rowCrc ?? 0), crc);
    book.rowCrc = crc;
    sink.group(group, book.place, row);
  }

  #putHead(sink: RowSink): void {
    const row = encodeHead(HEAD_KEY, {
      epoch: this.epoch,
      flush: this.flush,
      groupSum: this.#groupSum,
      groupsLost: this.#groupsLost,
    });
    sink.head(HEAD_KEY, row);
  }

  #writable(group: GroupId): GroupBook {
    const book = this.books.get(group);
    if (book === undefined) return this.#open(group, this.doubtOfUnknown);
    if (!book.known) throw new Error(`group ${group} must be loaded before it is written to: its row was damaged`);
    return book;
  }

  #open(group: GroupId, voteLost: string | null): GroupBook {
    const book: GroupBook = {
      prefix: logPrefix(group),
      place: groupKey(group),
      promised: NO_BALLOT,
      first: 0,
      last: -1,
      lastCrc: 0,
      lastLink: null,
      variables: new Map(),
      variableSum: 0,
      voteLost,
      rowCrc: null,
      known: true,
      dropped: new Set(),
      checkedFrom: 0,
    };
    this.books.set(group, book);
    return book;
  }

  #enter(group: GroupId, row: Buffer): GroupBook {
    const book = this.#open(group, null);
    const read = decodeGroupRow(book.place, row);
    book.rowCrc = claimedCrc(row);
    book.checkedFrom = Number.MAX_SAFE_INTEGER;
    if (read === null) {
      book.known = false;
      book.voteLost = 'the row with the promise fails its checksum';
      return book;
    }
    book.promised = read.promised;
    book.first = read.first;
    book.last = read.last;
    book.lastCrc = read.lastCrc;
    book.lastLink = read.lastLink;
    book.voteLost = read.voteLost;
    // What the variables must sum to, less what is found of them: zero in the end.
    book.variableSum = read.variableSum;
    return book;
  }

  /** The book of a group of which other rows were found; without a row of its own its promise is lost. */
  #known(group: GroupId): GroupBook {
    const book = this.books.get(group);
    if (book !== undefined) return book;
    const orphan = this.#open(group, 'the row with the promise is missing');
    orphan.known = false;
    return orphan;
  }

  #enterVariable(group: GroupId, name: string, row: Buffer): void {
    const book = this.#known(group);
    if (decodeVariable(variableKey(group, name), row) === null) {
      book.voteLost ??= `the variable ${name} fails its checksum`;
    }
    book.variables.set(name, claimedCrc(row));
  }

  /** Do the rows found add up to what the head says, and each group's variables to what its row says? */
  #weigh(sum: number, bad: readonly { place: Buffer; row: Buffer }[]): void {
    let found = 0;
    for (const book of this.books.values()) {
      if (book.rowCrc !== null) found = add(found, book.rowCrc);
      let variables = 0;
      for (const crc of book.variables.values()) variables = add(variables, crc);
      if (book.known && variables !== book.variableSum) {
        book.voteLost ??= 'a variable is missing, or not the one last written';
      }
      book.variableSum = variables;
    }
    // A single row with a flipped checksum adds up with the checksum it should have.
    const [only] = bad;
    const other =
      only === undefined || bad.length > 1
        ? found
        : add(subtract(found, claimedCrc(only.row)), computedCrc(only.place, only.row));
    this.#groupSum = found;
    if (sum !== found && sum !== other) this.doubt('the store lost a flush in the middle of its history');
  }
}
