// A network of the kernel's: each node in a network namespace of its own, and between them a namespace that routes, where
// one direction between two nodes is cut by a rule that drops its packets in silence. Whoever is cut off learns nothing but
// silence, connections live on as long as TCP has patience, and what was in flight is lost.
//
// The namespaces have no names. Each lives as long as a process in it: one that waits for this process to end, and the
// nodes. So nothing of it is left, however the tests end. Needs root, `ip`, `unshare` and `nsenter`; `open` throws where it
// cannot have them.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { watched } from '../children.js';
import type { Network, Place } from './network.js';

/** Of the range that is set aside for measuring between networks (RFC 2544): nobody's own. */
const RANGE = '198.18';
const SUBNETS = 256;
const PORT = 7001;
const FIRST_NODE = 10;
const PROBE_MS = 3000;

/** A network namespace, held by a process that ends with this one. */
class Namespace {
  readonly #holder: ChildProcess;

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  static async make(): Promise<Namespace> {
    const holder = watched(spawn('unshare', ['--net', 'cat'], { stdio: 'pipe' }));
    let complaint = '';
    holder.stderr?.on('data', (text) => {
      complaint += text;
    });
    const gone = new Promise<never>((_, reject) => {
      holder.once('error', reject);
      holder.once('close', () => reject(new Error(complaint.trim() || 'unshare has ended')));
    });
    gone.catch(() => undefined);
    holder.stdin?.on('error', () => undefined);
    holder.stdin?.write('in it\n');
    await Promise.race([once(holder.stdout as NodeJS.ReadableStream, 'data'), gone]);
    // It waits for this process, not this process for it.
    holder.unref();
    for (const pipe of [holder.stdin, holder.stdout, holder.stderr]) (pipe as Socket | null)?.unref();
    return new Namespace(holder);
  }

  get pid(): number {
    return Number(this.#holder.pid);
  }

  get launcher(): readonly string[] {
    return ['nsenter', `--net=/proc/${this.pid}/ns/net`];
  }

  /** Commands of `ip`, carried out inside. */
  ip(...commands: readonly string[]): void {
    run([...this.launcher, 'ip', '-batch', '-'], commands.join('\n'));
  }

  async close(): Promise<void> {
    if (this.#holder.exitCode !== null || this.#holder.signalCode !== null) return;
    const gone = once(this.#holder, 'exit');
    this.#holder.ref();
    this.#holder.stdin?.end();
    await gone;
  }
}

export class NamespaceNetwork implements Network {
  readonly description = 'network namespaces, cut by routing rules';
  readonly #router: Namespace;
  /** The first three numbers of all addresses. */
  readonly #subnet: string;
  /** This machine's own end of the link to the router. */
  readonly #link: string;
  readonly #nodes = new Map<string, { readonly address: string; readonly namespace: Namespace }>();
  readonly #rules = new Set<string>();

  private constructor(router: Namespace, place: number) {
    this.#router = router;
    this.#subnet = `${RANGE}.${place}`;
    this.#link = linkOf(place);
  }

  static async open(): Promise<NamespaceNetwork> {
    const router = await Namespace.make();
    try {
      const place = join(router);
      const network = new NamespaceNetwork(router, place);
      await network.#prove();
      return network;
    } catch (error) {
      await router.close();
      throw error;
    }
  }

  async place(id: string): Promise<Place> {
    const number = FIRST_NODE + this.#nodes.size;
    const address = `${this.#subnet}.${number}`;
    const namespace = await Namespace.make();
    this.#nodes.set(id, { address, namespace });
    this.#router.ip(
      `link add node${number} type veth peer name in netns ${namespace.pid}`,
      `link set node${number} up`,
      `route add ${address}/32 dev node${number}`,
    );
    namespace.ip(
      'link set lo up',
      'link set in up',
      `address add ${address}/32 dev in`,
      `route add ${this.#subnet}.1/32 dev in`,
      `route add default via ${this.#subnet}.1`,
    );
    const listen = `${address}:${PORT}`;
    // Nobody but this machine can reach it.
    return { listen, url: `http://${listen}`, launcher: namespace.launcher, flags: ['--insecure'] };
  }

  stop(from: string, to: string): void {
    const rule = `from ${this.#addressOf(from)} to ${this.#addressOf(to)} priority 1000 blackhole`;
    if (this.#rules.has(rule)) return;
    this.#rules.add(rule);
    this.#router.ip(`rule add ${rule}`);
  }

  heal(): void {
    if (this.#rules.size > 0) this.#router.ip(...[...this.#rules].map((rule) => `rule del ${rule}`));
    this.#rules.clear();
  }

  async close(): Promise<void> {
    // With one end the other goes too; what the kernel takes away by itself, it takes its time for.
    run(['ip', 'link', 'delete', this.#link]);
    const namespaces = [...this.#nodes.values()].map(({ namespace }) => namespace);
    await Promise.all([this.#router, ...namespaces].map((each) => each.close()));
  }

  #addressOf(id: string): string {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new RangeError(`no node ${id}`);
    return node.address;
  }

  /** Everything a test needs was granted: packets of this process get there, and rules are taken. */
  async #prove(): Promise<void> {
    const rule = `from ${this.#subnet}.10 to ${this.#subnet}.11 priority 1000 blackhole`;
    this.#router.ip(`rule add ${rule}`, `rule del ${rule}`);
    const socket = connect({ host: `${this.#subnet}.1`, port: PORT, timeout: PROBE_MS });
    const answer = await new Promise<string>((resolve) => {
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      socket.once('timeout', () => resolve('silence'));
      socket.once('connect', () => resolve('somebody else is there'));
    });
    socket.destroy();
    if (answer !== 'ECONNREFUSED') throw new Error(`the router should refuse a connection: ${answer}`);
  }
}

const linkOf = (place: number): string => `paxmesh${place}`;

/** Links this machine with the router, in the first subnet that is free: the place of it. */
function join(router: Namespace): number {
  let refusal: unknown;
  for (let tries = 0; tries < SUBNETS; tries++) {
    const place = (process.pid + tries) % SUBNETS;
    const subnet = `${RANGE}.${place}`;
    const link = linkOf(place);
    try {
      run(['ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'out', 'netns', String(router.pid)]);
    } catch (error) {
      // Taken by another process; any other reason is one for all places.
      if (!String(error).includes('File exists')) throw error;
      refusal = error;
      continue;
    }
    router.ip(
      'link set lo up',
      'link set out up',
      `address add ${subnet}.1/32 dev lo`,
      `route add ${subnet}.2/32 dev out`,
    );
    run([...router.launcher, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
    const routes = [
      `address add ${subnet}.2/32 dev ${link}`,
      `link set ${link} up`,
      `route add ${subnet}.1/32 dev ${link}`,
      `route add ${subnet}.0/24 via ${subnet}.1 dev ${link} src ${subnet}.2`,
    ];
    run(['ip', '-batch', '-'], routes.join('\n'));
    return place;
  }
  throw new Error('all subnets are taken', { cause: refusal });
}

function run([command = '', ...args]: readonly string[], input = ''): void {
  execFileSync(command, args, { input, stdio: ['pipe', 'ignore', 'pipe'] });
}
