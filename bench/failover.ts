// The longest gap between acknowledgements when the master is killed (-9) or frozen (SIGSTOP) under load. Clients talk to
// the two surviving nodes only, as clients that have lost a node do. Each round uses a fresh cluster.
// `node dist/bench/failover.js [rounds]`
import { Processes, startPaxmesh } from './process.js';

const ROUNDS = Number(process.argv[2] ?? 3);
const CLIENTS = 32;
const BEFORE_MS = 1500;
const AFTER_MS = 4000;

for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
  const gaps: number[] = [];
  for (let round = 0; round < ROUNDS; round++) gaps.push(await measure(signal));
  gaps.sort((a, b) => a - b);
  const median = gaps[Math.floor(gaps.length / 2)] ?? Number.NaN;
  const worst = gaps.at(-1) ?? Number.NaN;
  process.stdout.write(
    `master ${signal}: longest gap ${median.toFixed(0)} ms (median of ${ROUNDS}), worst ${worst.toFixed(0)} ms\n`,
  );
}

async function measure(signal: NodeJS.Signals): Promise<number> {
  const processes = new Processes();
  try {
    const cluster = await startPaxmesh(processes, 'embedded');
    const survivors = cluster.urls.filter((_, place) => place !== cluster.leader);
    const acks: number[] = [];
    const end = performance.now() + BEFORE_MS + AFTER_MS;
    const clients = Array.from({ length: CLIENTS }, async (_, client) => {
      const url = new URL('/v1/groups/main/proposals', survivors[client % survivors.length]);
      for (let n = 0; performance.now() < end; n++) {
        const body = JSON.stringify({ client, n });
        const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
        await answer.arrayBuffer();
        if (answer.status === 201) acks.push(performance.now());
      }
    });
    await new Promise((resolve) => setTimeout(resolve, BEFORE_MS));
    cluster.children[cluster.leader]?.kill(signal);
    await Promise.all(clients);
    let gap = 0;
    for (let n = 1; n < acks.length; n++) gap = Math.max(gap, (acks[n] ?? 0) - (acks[n - 1] ?? 0));
    return Math.max(gap, end - (acks.at(-1) ?? 0));
  } finally {
    await processes.end();
  }
}
