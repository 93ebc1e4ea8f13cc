// Links between the documents: each leads to a file of this repository, and to a heading that is there; and the README names
// every path of the API. Each has failed with a heading renamed, and a row of the table left out: tried.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('.', import.meta.resolve('#package.json')));
const inDocs = readdirSync(join(ROOT, 'docs'), { recursive: true }).map((file) => join('docs', String(file)));
const DOCUMENTS = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...inDocs.filter((file) => file.endsWith('.md'))];

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** What a page's headings can be linked by. */
function anchorsOf(file: string): Set<string> {
  const headings = [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading.toLowerCase());
  return new Set(headings.map((heading) => heading.replace(/[^\p{L}\p{N}_ -]/gu, '').replaceAll(' ', '-')));
}

for (const file of DOCUMENTS) {
  test(`every link of ${file} leads somewhere`, () => {
    const links = [...read(file).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    for (const link of links.filter((each) => !/^https?:/.test(each))) {
      const [path = '', anchor] = link.split('#');
      const target = path === '' ? file : normalize(join(dirname(file), path));
      assert.ok(existsSync(join(ROOT, target)), link);
      if (anchor !== undefined) assert.ok(anchorsOf(target).has(anchor), link);
    }
  });
}

test('the README names every path that may be asked', () => {
  const table = read('README.md')
    .replace(/`…\/readmit`/, '`G/members/{id}/readmit`')
    .replaceAll(/\bG\//g, '/v1/groups/{group}/');
  const paths = [...read('openapi.yaml').matchAll(/^ {2}(\/\S+):$/gm)].map(([, path = '']) => path);
  assert.ok(paths.length > 20);
  for (const path of paths.filter((each) => each !== '/v1/groups/{group}')) {
    assert.match(table, new RegExp(`${path.replace(/[{}/]/g, '\\$&')}(?![\\w/])`), path);
  }
});
