// A machine of one's own, as a user would write it: pieces in stock, taken one by one, never more than there are.
import type { Applied, ApplyContext, Command, StateMachine } from 'paxmesh';

type Order = { readonly op: 'stock' | 'take'; readonly item: string; readonly pieces: number };

export class Inventory implements StateMachine {
  readonly name = 'inventory';
  readonly applied: [number, number][] = [];
  #stock = new Map<string, number>();

  apply({ bytes }: Command, { instance, index }: ApplyContext): Applied {
    const { op, item, pieces } = JSON.parse(Buffer.from(bytes).toString()) as Order;
    const left = (this.#stock.get(item) ?? 0) + (op === 'stock' ? pieces : -pieces);
    if (left < 0) return { rejected: `only ${left + pieces} of ${item} left` };
    this.#stock.set(item, left);
    this.applied.push([instance, index]);
    return { result: { left } };
  }

  query(item: unknown): number {
    return this.#stock.get(item as string) ?? 0;
  }

  snapshot(): Iterable<Uint8Array> {
    return [Buffer.from(JSON.stringify([...this.#stock]))];
  }

  async restore(parts: AsyncIterable<Uint8Array>): Promise<() => void> {
    const read: Uint8Array[] = [];
    for await (const part of parts) read.push(part);
    const stock = new Map(JSON.parse(Buffer.concat(read).toString()) as [string, number][]);
    return () => {
      this.#stock = stock;
    };
  }
}
