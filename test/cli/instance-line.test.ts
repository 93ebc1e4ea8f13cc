// Instances as a person sees them in a terminal.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { instanceLine, pageLines } from '../../src/cli/instance-line.js';

const instance = (...values: readonly string[]): string =>
  `{"instanceId":7,"checksum":"0","values":[${values.join(',')}]}`;
const value = (encoding: string, text: string, more = ''): string =>
  `{"index":0,"machine":"log","encoding":"${encoding}","value":${text}${more}}`;

describe('the line of an instance', () => {
  it('shows each value as it stands in the log', () => {
    const json = '{"__proto__":1, "n":12345678901234567890,"e":1e400}';
    const line = instanceLine(instance(value('json', json), value('utf8', '"a\\nb"'), value('base64', '"AP8="')));
    assert.equal(line, `7  log ${json}  |  log "a\\nb"  |  log base64:AP8=`);
  });

  it('is one line, and cuts long values', () => {
    assert.equal(instanceLine(instance(value('json', '[1,\r\n 2]'))), '7  log [1,  2]');
    const cut = instanceLine(instance(value('utf8', `"${'é'.repeat(5000)}"`)));
    assert.equal(cut, `7  log "${'é'.repeat(199)}…`);
  });

  it('survives nesting that no printer follows', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    assert.equal(instanceLine(instance(value('json', deep))), `7  log ${'['.repeat(200)}…`);
  });

  it('says what was not applied', () => {
    const line = instanceLine(instance(value('json', '1', ',"applied":false,"reason":"proposed again"')));
    assert.equal(line, '7  log 1 (not applied: proposed again)');
  });

  it('stands for each item of a page', () => {
    const page = `{"items":[${instance(value('json', '1'))},${instance(value('json', '"]}"'))}],"next":2}`;
    assert.deepEqual(pageLines(page), ['7  log 1', '7  log "]}"']);
    assert.deepEqual(pageLines('{"items":[],"next":0}'), []);
  });
});
