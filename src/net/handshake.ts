// Who is there? Four messages, before any frame of the protocol is read. Pure: bytes in, bytes out; the link moves them.
//
//   1  dialler  → acceptor   version, its id, the id it expects, nonce
//   2  acceptor → dialler    version, its id, nonce
//   3  dialler  → acceptor   store identity, life, largest frame, gid of each group, proof
//   4  acceptor → dialler    the same of its own
//
// A proof is an HMAC-SHA256 under the cluster secret over everything said so far and the role of who proves: fresh
// nonces make a recording useless, the role makes a reflection useless. The dialler proves first, so strangers learn
// nothing but a version and an id. Without a secret the key is empty and a proof only detects damage; a peer with a
// secret and one without refuse each other. The keys of the link's frames come from the same transcript, one for each
// direction.
import { createHmac, createSecretKey, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';
import type { GroupId, NodeId, StoreId } from '../core/ids.js';
import type { PeerHello } from '../engine/ports.js';
import { FrameError } from './frame-error.js';
import { Reader } from './reader.js';
import { Writer } from './writer.js';

const MESH_VERSION = 1;

const NONCE_BYTES = 32;
const PROOF_BYTES = 32;
const NAME_BYTES_MAX = 128;
const ID = /^[a-z0-9][a-z0-9-]{0,62}$/;

export type Role = 'dialler' | 'acceptor';
export type Gids = Readonly<Record<GroupId, string | null>>;

/** What this node says of itself. */
export interface HandshakeSelf {
  readonly id: NodeId;
  readonly store: StoreId;
  /** Random, made at the start of the process: tells a second link of one process from a link of its successor. */
  readonly life: string;
  /** The cluster secret; null: none. */
  readonly secret: string | null;
  /** The largest frame this node takes. */
  readonly frameBytesMax: number;
  /** The gid of each group here, null while it has none. Asked once for each handshake. */
  gids(): Gids;
}

/** What the handshake proved. */
export interface Session {
  readonly hello: PeerHello;
  readonly life: string;
  readonly frameBytesMax: number;
  /** null without a secret. */
  readonly sendKey: KeyObject | null;
  readonly receiveKey: KeyObject | null;
}

/** The reason goes to the peer with the close code, so it says nothing the peer could not know. */
export class HandshakeRefused extends Error {
  override readonly name = 'HandshakeRefused';
}

interface HandshakeStep {
  readonly reply: Buffer | null;
  readonly session: Session | null;
}

export class Handshake {
  readonly role: Role;
  readonly #self: HandshakeSelf;
  readonly #expected: NodeId | null;
  readonly #nonce = randomBytes(NONCE_BYTES);
  readonly #said: Buffer[] = [];
  #peer: NodeId | null = null;

  /** A dialler names the id it expects; an acceptor takes whoever is not itself. */
  constructor(role: Role, self: HandshakeSelf, expected: NodeId | null = null) {
    this.role = role;
    this.#self = self;
    this.#expected = expected;
  }

  /** The id that the other side claims; not proved before the session stands. */
  get claimed(): NodeId | null {
    return this.#peer;
  }

  /** The dialler's first message. */
  open(): Buffer {
    const writer = started(1);
    writer.string(this.#self.id);
    writer.string(this.#expected ?? '');
    writer.raw(this.#nonce);
    return this.#say(writer.take());
  }

  /** Takes the next message of the other side. Throws HandshakeRefused. */
  receive(bytes: Buffer): HandshakeStep {
    try {
      return this.#receive(bytes);
    } catch (error) {
      if (error instanceof FrameError) throw new HandshakeRefused('malformed handshake');
      throw error;
    }
  }

  #receive(bytes: Buffer): HandshakeStep {
    const reader = new Reader(bytes);
    const version = reader.u8();
    if (version !== MESH_VERSION) {
      throw new HandshakeRefused(`mesh version ${version} is unknown here, this node speaks ${MESH_VERSION}`);
    }
    const due = this.#said.length + 1;
    if (reader.u8() !== due) throw new HandshakeRefused('malformed handshake');
    if (due <= 2) return this.#met(bytes, reader, due);
    return this.#proved(bytes, reader, due);
  }

  #met(bytes: Buffer, reader: Reader, due: number): HandshakeStep {
    const peer = reader.shortString(NAME_BYTES_MAX);
    const expects = due === 1 ? reader.shortString(NAME_BYTES_MAX) : this.#self.id;
    reader.raw(NONCE_BYTES);
    reader.end();
    if (!ID.test(peer)) throw new HandshakeRefused('not a node id');
    if (peer === this.#self.id) throw new HandshakeRefused(`${peer} is this node's own id`);
    if (expects !== this.#self.id) throw new HandshakeRefused(`this is node ${this.#self.id}`);
    if (this.#expected !== null && peer !== this.#expected) throw new HandshakeRefused('another node was expected');
    this.#peer = peer;
    this.#said.push(Buffer.from(bytes));
    if (due === 2) return { reply: this.#prove(3), session: null };
    const writer = started(2);
    writer.string(this.#self.id);
    writer.raw(this.#nonce);
    return { reply: this.#say(writer.take()), session: null };
  }

  #proved(bytes: Buffer, reader: Reader, due: number): HandshakeStep {
    const bodyEnd = bytes.length - PROOF_BYTES;
    if (bodyEnd < 2) throw new HandshakeRefused('malformed handshake');
    const proof = this.#hmac(`proof ${due}`, bytes.subarray(0, bodyEnd));
    if (!timingSafeEqual(proof, bytes.subarray(bodyEnd))) throw new HandshakeRefused('not authenticated');
    const store = reader.shortString(NAME_BYTES_MAX);
    const life = reader.shortString(NAME_BYTES_MAX);
    const frameBytesMax = reader.u53();
    const mine = this.#self.gids();
    for (let left = reader.count(); left > 0; left--) {
      const group = reader.shortString(NAME_BYTES_MAX);
      const theirs = reader.shortString(NAME_BYTES_MAX);
      const own = Object.hasOwn(mine, group) ? mine[group] : null;
      if (own && theirs !== '' && theirs !== own) throw new HandshakeRefused(`group ${group} has another gid here`);
    }
    reader.raw(PROOF_BYTES);
    reader.end();
    this.#said.push(Buffer.from(bytes));
    const reply = due === 3 ? this.#prove(4) : null;
    const send = this.#frameKey(this.role);
    const receive = this.#frameKey(this.role === 'dialler' ? 'acceptor' : 'dialler');
    const hello: PeerHello = { id: this.#peer ?? '', store };
    return { reply, session: { hello, life, frameBytesMax, sendKey: send, receiveKey: receive } };
  }

  #prove(due: number): Buffer {
    const writer = started(due);
    writer.string(this.#self.store);
    writer.string(this.#self.life);
    writer.u53(this.#self.frameBytesMax);
    const gids = Object.entries(this.#self.gids());
    writer.count(gids.length);
    for (const [group, gid] of gids) {
      writer.string(group);
      writer.string(gid ?? '');
    }
    writer.raw(this.#hmac(`proof ${due}`, writer.view()));
    return this.#say(writer.take());
  }

  #say(message: Buffer): Buffer {
    this.#said.push(message);
    return message;
  }

  #frameKey(sender: Role): KeyObject | null {
    return this.#self.secret === null ? null : createSecretKey(this.#hmac(`frames of the ${sender}`));
  }

  /** Over the purpose and everything said so far, each part preceded by its length. */
  #hmac(purpose: string, last?: Uint8Array): Buffer {
    const hmac = createHmac('sha256', this.#self.secret ?? '');
    const parts = [Buffer.from(`paxmesh mesh ${purpose}`), ...this.#said, ...(last === undefined ? [] : [last])];
    for (const part of parts) {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(part.length);
      hmac.update(length).update(part);
    }
    return hmac.digest();
  }
}

function started(kind: number): Writer {
  const writer = new Writer();
  writer.u8(MESH_VERSION);
  writer.u8(kind);
  return writer;
}
