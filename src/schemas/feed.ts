// The feed: how a follower says where it starts, and the text of each frame. The WebSocket and its SSE twin share both.
import { type Static, Type } from 'typebox';
import { valuesJson } from './instance.js';
import { compileParameters, parseInteger } from './parameters.js';
import { invalidRequest, type PaxmeshError } from './problem.js';

export const FeedQuery = Type.Object({
  from: Type.Optional(
    Type.String({
      default: 'now',
      pattern: '^(earliest|now|0|[1-9][0-9]{0,15})$',
      description: 'First instance wanted: an instance id (also one beyond the end), `earliest` (kept) or `now`',
    }),
  ),
  machines: Type.Optional(
    Type.String({ minLength: 1, maxLength: 4096, description: 'Only values of these machines, comma-separated' }),
  ),
  system: Type.Optional(Type.Boolean({ default: false, description: 'Include values of $membership and $master' })),
  all: Type.Optional(
    Type.Boolean({ default: false, description: 'Include values that were chosen but had no effect' }),
  ),
});

export interface FeedPosition {
  readonly from: number | 'earliest' | 'now';
  readonly machines?: readonly string[];
  readonly system: boolean;
  readonly all: boolean;
}

const readQuery = compileParameters(FeedQuery, 'query');

/** From a query that nobody has checked yet. */
export function feedPosition(query: unknown): FeedPosition | PaxmeshError {
  const { value, error } = readQuery(query);
  return error ?? positionIn((value ?? {}) as Static<typeof FeedQuery>);
}

/** `lastEventId`: the SSE header; the feed goes on behind it, whatever `from` says. */
export function positionIn(
  query: Static<typeof FeedQuery>,
  lastEventId?: string | string[],
): FeedPosition | PaxmeshError {
  const { from: start = 'now', machines: list, system = false, all = false } = query;
  const from = lastEventId === undefined ? startOf(start) : after(lastEventId);
  if (from === null)
    return invalidRequest(
      lastEventId === undefined ? 'from is beyond every instance id' : 'Last-Event-ID must be an instance id',
    );
  if (list === undefined) return { from, system, all };
  const machines = list.split(',');
  if (machines.includes('')) return invalidRequest('machines must be names with commas between');
  return { from, machines, system, all };
}

function startOf(text: string): number | 'earliest' | 'now' | null {
  return text === 'earliest' || text === 'now' ? text : parseInteger(text);
}

function after(id: string | string[]): number | null {
  const last = typeof id === 'string' ? parseInteger(id) : null;
  return last === null || last === Number.MAX_SAFE_INTEGER ? null : last + 1;
}

/** What a follower is told, as the engine words it. */
export type FeedEventText =
  | { readonly type: 'commit'; readonly instanceId: number; readonly values: Parameters<typeof valuesJson>[0] }
  | { readonly type: 'bookmark'; readonly instanceId: number }
  | { readonly type: 'master' | 'members' | 'gap' };

export interface Hello {
  readonly group: string;
  readonly node: string;
  readonly from: number;
  readonly firstKept: number;
  readonly lastChosen: number;
}

export function helloFrame({ group, node, from, firstKept, lastChosen }: Hello): string {
  return JSON.stringify({ type: 'hello', group, node, from, firstKept, lastChosen });
}

export function eventFrame(event: FeedEventText): string {
  if (event.type !== 'commit') return JSON.stringify(event);
  return `{"type":"commit","instanceId":${event.instanceId},"values":${valuesJson(event.values)}}`;
}

/** One Server-Sent Event. Line ends inside JSON are blanks, so spreading them over `data:` lines changes no value. */
export function serverSentEvent(frame: string, id: number | null): string {
  const data = frame.includes('\n') || frame.includes('\r') ? frame.split(/\r\n|\r|\n/).join('\ndata: ') : frame;
  return id === null ? `data: ${data}\n\n` : `id: ${id}\ndata: ${data}\n\n`;
}
