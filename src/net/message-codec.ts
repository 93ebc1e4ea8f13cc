// One message between peers, to bytes and back: its number, and then what the core's or the engines' codec knows of it.
import { isHostMessage, type PeerMessage } from '../engine/peer-messages.js';
import { readCoreMessage, writeCoreMessage } from './core-message-codec.js';
import { FrameError } from './frame-error.js';
import { readHostMessage, writeHostMessage } from './host-message-codec.js';
import type { NameReader, NameWriter } from './names.js';
import type { Reader } from './reader.js';
import type { Writer } from './writer.js';

export function writeMessage(to: Writer, names: NameWriter, message: PeerMessage): void {
  if (isHostMessage(message)) writeHostMessage(to, names, message);
  else writeCoreMessage(to, names, message);
}

export function readMessage(from: Reader, names: NameReader): PeerMessage {
  const code = from.u8();
  const message = readCoreMessage(code, from, names) ?? readHostMessage(code, from, names);
  if (message === null) throw new FrameError(`no message has the number ${code}`);
  return message;
}
