// What a machine of unknown meaning did with each command: nobody can foretell it, but all nodes must come to the same.
// Invariant: same-state.
import type { InstanceId, NodeId } from '../../core/ids.js';
import type { Applied, ApplyContext } from '../../machines/machine.js';
import { demand } from '../violation.js';
import type { Judged } from './machines-model.js';

interface Outcome {
  readonly node: NodeId;
  readonly text: string;
  readonly answer: Applied;
}

export class Outcomes {
  readonly #outcomes = new Map<string, Outcome>();

  /** `digest`: the machine's own sum of its state afterwards, if it has one. */
  applied(node: NodeId, { instance, index }: ApplyContext, answer: Applied, digest: number | null): void {
    const place = `${instance}.${index}`;
    const text = `${JSON.stringify(answer)}${digest === null ? '' : `, state ${digest}`}`;
    const first = this.#outcomes.get(place);
    if (first === undefined) this.#outcomes.set(place, { node, text, answer });
    else {
      demand(first.text === text, 'same-state', () => {
        return `the command at ${place} ends in ${text} on ${node}, and ended in ${first.text} on ${first.node}`;
      });
    }
  }

  /** null: no node has applied it yet. */
  at(instance: InstanceId, index: number): Judged | null {
    const answer = this.#outcomes.get(`${instance}.${index}`)?.answer;
    if (answer === undefined) return null;
    return 'result' in answer
      ? { code: null, result: answer.result }
      : { code: answer.code ?? 'command-rejected', result: null };
  }
}
