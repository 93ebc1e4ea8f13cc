// The tidiness that the linter cannot express: what the core may name, how long a file may be, how it opens, and what must
// not be left behind in any. Exceptions are listed, and an exception that is no longer needed fails too. Each
// fault was planted once, and each test has failed: tried.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('.', import.meta.resolve('#package.json')));
const LINES_MAX = 300;

/** Longer than they should be; to be split. */
const TOO_LONG = ['src/core/replica.ts', 'src/engine/pump.ts'];

/** Name documents that are not part of this repository; to be put into words. */
const NAME_UNKNOWN_DOCUMENTS: readonly string[] = [];

/** What has no place in a function of its inputs. */
const NOT_IN_THE_CORE =
  /\b(Math\.random|Date|setTimeout|setInterval|setImmediate|queueMicrotask|process|Buffer|Promise|async|await|console|performance|fetch|globalThis|crypto)\b/;

const LEFT_TO_DO = /\b(TODO|FIXME|XXX|HACK)\b/;

/** Places and tools of whoever works on this, written so that this file does not name them either. */
const ELSEWHERE = [
  /(?<![\w.$}])[/](w[o]rk|h[o]me|r[o]ot|U[s]ers)[/]/,
  /[.]l[i]brary\b/,
  /\bsh[a]red[/]/,
  /cl[a]ude|anthr[o]pic|chatg[p]t|cop[i]lot/i,
];

const PROGRAMS = ['src', 'plugins', 'routes', 'bench', 'scripts', 'examples'];

function filesIn(rooms: readonly string[], ending: RegExp): string[] {
  return rooms.flatMap((room) => {
    const names = readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' });
    return names.filter((name) => ending.test(name)).map((name) => `${room}/${name.replaceAll('\\', '/')}`);
  });
}

const sources = (...rooms: readonly string[]) => filesIn(rooms, /(?<!\.d)\.ts$/).sort();
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

/** Without comments, and without what stands in plain strings. */
function codeOf(text: string): string {
  return text.replace(/\/\/.*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'/g, (piece) => (piece.startsWith("'") ? "''" : ''));
}

test('the core imports nothing but itself, and names no clock, no chance, no timer and nothing of Node', () => {
  const files = sources('src/core');
  assert.ok(files.length >= 15);
  for (const file of files) {
    const text = read(file);
    for (const [, from = ''] of text.matchAll(/\b(?:from|import)\s*\(?\s*'([^']*)'/g)) {
      assert.match(from, /^\.\/[a-z-]+\.js$/, `${file} imports ${from}`);
    }
    assert.doesNotMatch(codeOf(text), NOT_IN_THE_CORE, file);
  }
});

test('every program file opens with a comment that says what it is', () => {
  const files = sources(...PROGRAMS);
  assert.deepEqual(
    files.filter((file) => !/^(#!.*\n)?\/\/ \S/.test(read(file))),
    [],
  );
});

test('no program file has more than 300 lines, but for those that are known', () => {
  const long = sources(...PROGRAMS).filter((file) => read(file).trimEnd().split('\n').length > LINES_MAX);
  assert.deepEqual(long, TOO_LONG);
});

test('nothing is left to do, and nothing is printed for debugging', () => {
  for (const file of [...sources(...PROGRAMS, 'test')].filter((each) => each !== 'test/tidiness.test.ts')) {
    const text = read(file);
    assert.doesNotMatch(text, LEFT_TO_DO, file);
    if (!file.startsWith('examples/')) assert.doesNotMatch(codeOf(text), /\bconsole\./, file);
  }
});

test('a document that a comment names is part of this repository, but for those that are known', () => {
  const documents = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...filesIn(['docs'], /\.md$/)];
  const naming = sources(...PROGRAMS, 'test').filter((file) => {
    const named = [...read(file).matchAll(/[\w/-]+\.md\b/g)].map(([name]) => name);
    return named.some((name) => !documents.some((document) => document.endsWith(name)));
  });
  assert.deepEqual(naming, NAME_UNKNOWN_DOCUMENTS);
});

test('the tests that docs/divergence.md names against the faults of PhxPaxos are there', () => {
  const named = [...read('docs/divergence.md').matchAll(/`(test\/[\w/.-]+)`(?:: ("[^"]+"(?:, "[^"]+")*))?/g)];
  assert.ok(named.length >= 20);
  for (const [, file = '', tests = ''] of named) {
    assert.ok(existsSync(join(ROOT, file)), file);
    // Where many tests share a name but for one word, an ellipsis stands for it.
    const pieces = [...tests.matchAll(/"([^"]+)"/g)].flatMap(([, name = '']) => name.split('…'));
    for (const piece of pieces) assert.ok(read(file).includes(piece.trim()), `${file}: ${piece}`);
  }
});

test('no file names a place or a tool of those who work on it', () => {
  const texts = filesIn([...PROGRAMS, 'test', 'docs', 'deploy'], /\.(ts|md|ya?ml|lua|json)$/);
  const more = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'Dockerfile', 'openapi.yaml', 'package.json'];
  for (const file of [...texts, ...more.filter((each) => existsSync(join(ROOT, each)))]) {
    const text = read(file);
    for (const place of ELSEWHERE) assert.doesNotMatch(text, place, file);
  }
});

test('the looks above see what they look for', () => {
  assert.match(codeOf('const at = Date.now();'), NOT_IN_THE_CORE);
  assert.match(codeOf(`const seed = Math.random() * 2; // chance`), NOT_IN_THE_CORE);
  assert.match(codeOf(`\`\${process.pid}\``), NOT_IN_THE_CORE);
  assert.doesNotMatch(codeOf("// no Promise here\nthrow new Error('await it'); /* Date */"), NOT_IN_THE_CORE);
  assert.match(['/wo', 'rk/main'].join(''), ELSEWHERE[0] as RegExp);
  assert.doesNotMatch(`\`\${url}/home/\``, ELSEWHERE[0] as RegExp);
});
