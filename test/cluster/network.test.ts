// The networks that partitions are made in: where the kernel's cannot be had the proxies stand in and say why, and of the
// kernel's nothing stays behind, even when nobody has the time to clean up.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { after, test } from 'node:test';
import { watched } from '../children.js';
import { keeper } from './keeper.js';
import { openNetwork } from './network.js';
import { eventually } from './node-process.js';

const keep = keeper(after);

/** This machine's ends of links into networks of namespaces. */
const links = (): string[] => Object.keys(networkInterfaces()).filter((name) => name.startsWith('paxmesh'));

test('without the programs that make namespaces, the proxies stand in and say what is missing', async () => {
  const path = process.env['PATH'];
  process.env['PATH'] = '';
  try {
    const network = keep(await openNetwork());
    assert.match(network.description, /^TCP proxies on loopback \(no network namespaces here: .*unshare ENOENT/);
  } finally {
    process.env['PATH'] = path;
  }
});

// Fails when what holds a namespace outlives whoever made it: tried.
test('a network whose maker is killed is gone', async (t) => {
  const module = JSON.stringify(new URL('./network.js', import.meta.url).href);
  const program = `
    const { openNetwork } = await import(${module});
    const network = await openNetwork();
    const { url } = await network.place('a');
    const { networkInterfaces } = await import('node:os');
    process.stdout.write(JSON.stringify({ description: network.description, url, links: Object.keys(networkInterfaces()) }));
    setInterval(() => undefined, 1000);`;
  const maker = watched(
    spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 2] }),
  );
  const [said] = (await once(maker.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  const made = JSON.parse(said.toString()) as { description: string; url: string; links: string[] };
  t.diagnostic(made.description);
  // Named by its subnet. Links of other networks come and go meanwhile: other tests make them.
  const [, , subnet] = new URL(made.url).hostname.split('.');
  const own = made.description.startsWith('network namespaces') ? [`paxmesh${subnet}`] : [];
  const gone = once(maker, 'exit');
  maker.kill('SIGKILL');
  await gone;
  assert.deepEqual(
    own.filter((name) => !made.links.includes(name)),
    [],
  );
  await eventually('its links are gone', () => !links().some((name) => own.includes(name)));
});
