// What stands between the nodes of a test and can be cut, one direction between two nodes at a time. There are two: network
// namespaces of the kernel (namespaces.ts), where the machine has them and lets this process make them, and TCP proxies
// (chaos-network.ts), which work everywhere. `TEST_NETWORK=proxies` or `namespaces` asks for one of them.
import { ChaosNetwork } from './chaos-network.js';
import { NamespaceNetwork } from './namespaces.js';

/** Where a node lives. */
export interface Place {
  /** Host and port it listens on; clients reach it there whatever is cut. */
  readonly listen: string;
  /** Where the other nodes look for it. */
  readonly url: string;
  /** The command line that its own command line is put behind; empty: it needs none. */
  readonly launcher: readonly string[];
  readonly flags: readonly string[];
}

export interface Network {
  /** For whoever reads the output of a test. */
  readonly description: string;
  /** Room for one more node. */
  place(id: string): Promise<Place>;
  /** Nothing gets from one to the other any more; neither of them is told. */
  stop(from: string, to: string): void;
  /** Everything gets everywhere again. */
  heal(): void;
  /** Takes away everything that was made. The nodes must be gone. */
  close(): Promise<void>;
}

/** Cuts one node off from the others, both ways. */
export function isolate(network: Network, id: string, others: readonly string[]): void {
  for (const other of others) {
    network.stop(id, other);
    network.stop(other, id);
  }
}

/** The best there is here. It says why, when that is not the kernel's. */
export async function openNetwork(wanted = process.env['TEST_NETWORK']): Promise<Network> {
  if (wanted === 'namespaces') return NamespaceNetwork.open();
  if (wanted === 'proxies') return new ChaosNetwork('asked for');
  try {
    return await NamespaceNetwork.open();
  } catch (error) {
    return new ChaosNetwork(`no network namespaces here: ${error instanceof Error ? error.message : String(error)}`);
  }
}
