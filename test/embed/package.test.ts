// The package as npm would send it, in a project of its own: it has all it needs, and its types say what it does.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '../free-port.js';

const ROOT = fileURLToPath(new URL('.', import.meta.resolve('#package.json')));
const run = promisify(execFile);

const PROGRAM = `
import Fastify from 'fastify';
import { type Applied, type Command, paxmesh, type StateMachine } from 'paxmesh';

class Total implements StateMachine {
  readonly name = 'total';
  #total = 0;
  apply({ bytes }: Command): Applied {
    return { result: (this.#total += Number(Buffer.from(bytes).toString())) };
  }
}

const url = \`http://127.0.0.1:\${process.env['PORT']}\`;
const app = Fastify();
await app.register(paxmesh, { node: 'a', store: 'embedded:./data', members: ['a=' + url], machines: [new Total()] });
await app.listen({ port: Number(process.env['PORT']), host: '127.0.0.1' });
const { index, result } = await app.paxmesh.group('main').propose<number>('total', '42', { timeoutMs: 60_000 });
const seen: [boolean, number, number] = [index >= 0, result, (await fetch(url + '/v1/groups')).status];
// @ts-expect-error: there is no such option
const wrong: Parameters<typeof paxmesh>[1] = { node: 'a', lease: 1 };
process.stdout.write(JSON.stringify({ seen, wrong: wrong.node }));
await app.close();
`;

test('a program of somebody else compiles against the packed package, and runs', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'paxmesh-package-'));
  try {
    const modules = join(directory, 'node_modules');
    const own = join(modules, 'paxmesh');
    await mkdir(own, { recursive: true });
    const packed = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', directory], {
      cwd: ROOT,
    });
    const [{ filename }] = JSON.parse(packed.stdout) as [{ filename: string }];
    await run('tar', ['-xzf', join(directory, filename), '-C', own, '--strip-components=1']);
    // What npm would fetch beside it.
    for (const name of await readdir(join(ROOT, 'node_modules'))) {
      if (!name.startsWith('.')) await symlink(join(ROOT, 'node_modules', name), join(modules, name));
    }
    await writeFile(join(directory, 'package.json'), '{"name":"somebody-elses","type":"module"}');
    const compilerOptions = { module: 'nodenext', target: 'es2023', lib: ['es2023'], types: ['node'], strict: true };
    await writeFile(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['app.ts'] }));
    await writeFile(join(directory, 'app.ts'), PROGRAM);
    const compiled = run(process.execPath, [join(modules, 'typescript', 'bin', 'tsc'), '-p', directory]);
    await compiled.catch(({ stdout }: { stdout: string }) => assert.fail(stdout));
    const env = { ...process.env, PORT: String(await freePort()) };
    const { stdout } = await run(process.execPath, ['app.js'], { cwd: directory, env, timeout: 300_000 });
    assert.deepEqual(JSON.parse(stdout), { seen: [true, 42, 200], wrong: 'a' });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
