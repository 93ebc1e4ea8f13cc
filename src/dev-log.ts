// A line of a node's log, as `paxmesh dev` reads it.

export interface LogLine {
  readonly level: number;
  readonly note?: string;
  readonly group?: string;
  readonly node?: string | null;
  readonly version?: number;
}

/** What it says, for people, without what every line has. */
export function factsOf(entry: LogLine): string {
  const every = new Set(['level', 'time', 'pid', 'hostname', 'msg', 'note']);
  const words = Object.entries(entry)
    .filter(([name]) => !every.has(name))
    .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return [entry.note, ...words].join(', ');
}
