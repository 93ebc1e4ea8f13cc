// What a node's own notes say is broken. A node goes on after most of them, so nothing else would show it.

/** What the user's machine of a simulated group throws when it is to. */
export const THROWN = 'simulated: the machine throws';

/** The invariant; null: none. `rots`: blocks of this node's checkpoints were spoilt. */
export function alarming(name: string, facts: Readonly<Record<string, unknown>>, rots: boolean): string | null {
  const reason = String(facts['reason']);
  if (name === 'diverged' || name === 'state-differs') return 'same-state';
  if (name === 'halted') return reason.includes(THROWN) ? null : 'same-state';
  // The node does without, which is why nothing else would tell that the copy, or what it was fed with, is wrong.
  if (name === 'shadow-lost') return rots ? null : 'same-state';
  // Nothing else takes away what was synced.
  return name === 'checkpoint-damaged' && !rots ? 'durable-before-said' : null;
}
