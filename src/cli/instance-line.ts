// An instance as one line for people.

export interface Instance {
  readonly instanceId: number;
  readonly values: readonly {
    readonly index: number;
    readonly machine: string;
    readonly encoding: string;
    readonly value: unknown;
    readonly applied?: boolean;
    readonly reason?: string;
  }[];
}

const VALUE_CHARACTERS_MAX = 200;

export function lineOf(instance: Instance): string {
  const values = instance.values.map(({ machine, encoding, value, applied, reason }) => {
    const text =
      encoding === 'json' ? JSON.stringify(value) : encoding === 'utf8' ? JSON.stringify(value) : `base64:${value}`;
    const cut = text.length > VALUE_CHARACTERS_MAX ? `${text.slice(0, VALUE_CHARACTERS_MAX)}…` : text;
    return `${machine} ${cut}${applied === false ? ` (not applied: ${reason})` : ''}`;
  });
  return `${instance.instanceId}  ${values.join('  |  ')}`;
}
