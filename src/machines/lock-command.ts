// What can be asked of the machine `lock`, and how it stands in the log. Owners are labels for people and programs; what
// proves the holder is the fence.
import { BadCommand, type Fields, onlyFields, readCommand, readKey, readTtlMs } from './json-command.js';
import type { Draft } from './machine.js';

export type LockCommand =
  | { readonly op: 'acquire'; readonly name: string; readonly owner: string; readonly ttlMs: number }
  /** By the holder; `owner` null: whatever the label. */
  | {
      readonly op: 'renew';
      readonly name: string;
      readonly owner: string | null;
      readonly fence: number;
      readonly ttlMs: number;
    }
  | { readonly op: 'release'; readonly name: string; readonly owner: string | null; readonly fence: number }
  /** Does nothing by itself: it brings time. */
  | { readonly op: 'expire' };

export function readLockCommand(draft: Draft): LockCommand | BadCommand {
  return readCommand(draft, (fields): LockCommand => {
    switch (fields['op']) {
      case 'acquire':
        onlyFields(fields, ['op', 'name', 'owner', 'ttlMs']);
        return {
          op: 'acquire',
          name: readKey(fields, 'name'),
          owner: readKey(fields, 'owner'),
          ttlMs: readTtlMs(fields),
        };
      case 'renew':
        onlyFields(fields, ['op', 'name', 'owner', 'fence', 'ttlMs']);
        return { op: 'renew', ...readHolder(fields), ttlMs: readTtlMs(fields) };
      case 'release':
        onlyFields(fields, ['op', 'name', 'owner', 'fence']);
        return { op: 'release', ...readHolder(fields) };
      case 'expire':
        onlyFields(fields, ['op']);
        return { op: 'expire' };
      default:
        throw new BadCommand('op must be acquire, renew, release or expire');
    }
  });
}

function readHolder(fields: Fields): { readonly name: string; readonly owner: string | null; readonly fence: number } {
  const { fence } = fields;
  if (!Number.isSafeInteger(fence)) throw new BadCommand('fence must be the number that the acquisition was given');
  const owner = fields['owner'] === undefined ? null : readKey(fields, 'owner');
  return { name: readKey(fields, 'name'), owner, fence: fence as number };
}
