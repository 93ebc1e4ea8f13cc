import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KvMachine, type KvPage } from '../../src/machines/kv.js';
import type { KvEntry } from '../../src/machines/kv-entries.js';
import { codeOf, commandOf, feed, hold, restore, resultOf } from './fed.js';

const put = (key: string, value: unknown = 1, more: object = {}) => ({ op: 'put', key, ...more, value });
const get = (kv: KvMachine, key: string) => kv.query({ op: 'get', key }) as KvEntry | null;
const list = (kv: KvMachine, { prefix = '', after = null as string | null, limit = 100 } = {}) =>
  kv.query({ op: 'list', prefix, after, limit }) as KvPage;

describe('kv', () => {
  it('keeps a value under a key, says whether the key is new, and names the write by its place', () => {
    const kv = new KvMachine();
    assert.deepEqual(resultOf(feed(kv, put('k'), { instance: 12 })), { created: true, etag: '12.0' });
    const again = feed(kv, put('k', 'x', { encoding: 'utf8' }), { instance: 13, index: 4 });
    assert.deepEqual(resultOf(again), { created: false, etag: '13.4' });
    assert.deepEqual(get(kv, 'k'), {
      key: 'k',
      etag: '13.4',
      contentType: 'text/plain; charset=utf-8',
      encoding: 'utf8',
      text: 'x',
      expiresAtMs: null,
    });
    assert.equal(get(kv, 'other'), null);
  });

  for (const text of [
    '1e400',
    '{"b":1,"a":2,"b":3}',
    '{"__proto__":{"x":1}}',
    '[ 1.10,\n-0 ]',
    ' {} \n',
    '"\\ud800"',
    'null',
  ]) {
    it(`keeps the JSON ${JSON.stringify(text)} byte for byte, through a snapshot too`, async () => {
      const kv = new KvMachine();
      resultOf(feed(kv, `{"op":"put","key":"k","value":${text}}`));
      assert.equal(get(kv, 'k')?.text, text);
      const copy = new KvMachine();
      await restore(copy, await hold(kv)());
      assert.equal(get(copy, 'k')?.text, text);
    });
  }

  it('holds If-Match and If-None-Match against what is there, in log order', () => {
    const kv = new KvMachine();
    assert.equal(codeOf(feed(kv, put('k', 1, { ifMatch: '*' }))), 'precondition-failed');
    assert.equal(codeOf(feed(kv, put('k', 1, { ifMatch: '0.0' }))), 'precondition-failed');
    assert.equal(codeOf(feed(kv, { op: 'delete', key: 'k', ifMatch: '*' })), 'precondition-failed');
    assert.equal(get(kv, 'k'), null);
    assert.equal(codeOf(feed(kv, put('k', 1, { ifNoneMatch: true }), { instance: 1 })), null);
    assert.equal(codeOf(feed(kv, put('k', 2, { ifNoneMatch: true }), { instance: 2 })), 'precondition-failed');
    assert.equal(codeOf(feed(kv, put('k', 2, { ifMatch: '1.1' }), { instance: 2 })), 'precondition-failed');
    assert.equal(get(kv, 'k')?.text, '1');
    assert.equal(codeOf(feed(kv, put('k', 2, { ifMatch: '1.0' }), { instance: 3 })), null);
    assert.equal(codeOf(feed(kv, put('k', 3, { ifMatch: '*' }), { instance: 4 })), null);
    assert.equal(codeOf(feed(kv, { op: 'delete', key: 'k', ifMatch: '3.0' }, { instance: 5 })), 'precondition-failed');
    assert.equal(codeOf(feed(kv, { op: 'delete', key: 'k', ifMatch: '4.0' }, { instance: 5 })), null);
    assert.equal(codeOf(feed(kv, { op: 'delete', key: 'k' }, { instance: 6 })), 'key-not-found');
  });

  it('ends an entry at its very millisecond, with the next command of any kind, and asks for one', () => {
    for (const order of [put('other'), { op: 'expire' }, { op: 'delete', key: 'nothing' }, 'no command at all']) {
      const kv = new KvMachine();
      feed(kv, put('k', 1, { ttlMs: 10 }), { timeMs: 100 });
      assert.equal(kv.dueAtMs, 110);
      feed(kv, order, { timeMs: 109 });
      assert.notEqual(get(kv, 'k'), null);
      feed(kv, order, { timeMs: 110 });
      assert.equal(get(kv, 'k'), null);
      assert.equal(kv.dueAtMs, null);
    }
    const due = new KvMachine().due();
    assert.deepEqual(
      resultOf(new KvMachine().apply({ ...commandOf('kv', ''), ...due }, { instance: 0, index: 0, timeMs: 0 })),
      null,
    );
  });

  it('does not match an entry whose time is up when the write comes', () => {
    const kv = new KvMachine();
    feed(kv, put('k', 1, { ttlMs: 10 }));
    assert.deepEqual(resultOf(feed(kv, put('k', 2, { ifNoneMatch: true }), { instance: 1, timeMs: 10 })), {
      created: true,
      etag: '1.0',
    });
    feed(kv, put('k', 1, { ttlMs: 10 }), { instance: 2, timeMs: 10 });
    assert.equal(codeOf(feed(kv, put('k', 2, { ifMatch: '2.0' }), { timeMs: 20 })), 'precondition-failed');
  });

  it('forgets the time to live with a write that names none, and counts it anew with one that does', () => {
    const kv = new KvMachine();
    feed(kv, put('k', 1, { ttlMs: 10 }));
    feed(kv, put('k', 2));
    assert.equal(kv.dueAtMs, null);
    feed(kv, put('k', 3, { ttlMs: 10 }), { timeMs: 5 });
    assert.equal(kv.dueAtMs, 15);
  });

  it('lists a prefix in the order of the bytes, page by page', () => {
    const kv = new KvMachine();
    for (const key of ['a', 'b/\uffff', 'b/\u{1f600}', 'b', 'b/1', 'b/', 'c']) feed(kv, put(key));
    const names = ({ items }: KvPage) => items.map(({ key }) => key);
    assert.deepEqual(names(list(kv)), ['a', 'b', 'b/', 'b/1', 'b/\uffff', 'b/\u{1f600}', 'c']);
    const first = list(kv, { prefix: 'b/', limit: 2 });
    assert.deepEqual([names(first), first.next], [['b/', 'b/1'], 'b/1']);
    const second = list(kv, { prefix: 'b/', after: first.next, limit: 2 });
    assert.deepEqual([names(second), second.next], [['b/\uffff', 'b/\u{1f600}'], null]);
    assert.deepEqual(names(list(kv, { prefix: 'b/', after: 'a' })), ['b/', 'b/1', 'b/\uffff', 'b/\u{1f600}']);
    assert.deepEqual(names(list(kv, { prefix: 'b', after: 'c' })), []);
    assert.deepEqual(names(list(kv, { after: 'b/\uffff' })), ['b/\u{1f600}', 'c']);
  });

  it('ends a page early when its values are large, and loses none of them', () => {
    const kv = new KvMachine();
    const large = 'x'.repeat(3 * 1024 * 1024);
    for (const key of ['a', 'b', 'c']) feed(kv, put(key, large));
    const seen: string[] = [];
    for (let after: string | null = null, pages = 0; pages < 5; pages++) {
      const page: KvPage = list(kv, { after });
      assert.equal(page.items.length, 1);
      seen.push(...page.items.map(({ key }) => key));
      after = page.next;
      if (after === null) break;
    }
    assert.deepEqual(seen, ['a', 'b', 'c']);
  });

  for (const bad of [
    'no JSON',
    '[]',
    '"put"',
    'null',
    '{"op":"put","key":"k"}',
    '{"op":"put","key":"","value":1}',
    '{"op":"put","key":"a\\u0000b","value":1}',
    '{"op":"put","key":"\\ud800","value":1}',
    `{"op":"put","key":"${'é'.repeat(513)}","value":1}`,
    '{"op":"put","key":7,"value":1}',
    '{"op":"put","key":"k","value":1,"ttlms":5}',
    '{"op":"put","key":"k","value":1,"ttlMs":0}',
    '{"op":"put","key":"k","value":1,"ttlMs":1.5}',
    '{"op":"put","key":"k","value":1,"ttlMs":315360000001}',
    '{"op":"put","key":"k","value":1,"encoding":"utf8"}',
    '{"op":"put","key":"k","value":"\\ud800","encoding":"utf8"}',
    '{"op":"put","key":"k","value":"#","encoding":"base64"}',
    '{"op":"put","key":"k","value":1,"encoding":"yaml"}',
    '{"op":"put","key":"k","value":1,"contentType":"a\\r\\nb"}',
    '{"op":"put","key":"k","value":1,"ifMatch":12}',
    '{"op":"put","key":"k","value":1,"ifNoneMatch":"*"}',
    '{"op":"delete"}',
    '{"op":"delete","key":"k","value":1}',
    '{"op":"expire","at":1}',
    '{"op":"drop"}',
    '{"__proto__":{"op":"expire"}}',
  ]) {
    it(`refuses ${bad.slice(0, 60)} before it is proposed, and rejects it when it is there all the same`, () => {
      const kv = new KvMachine();
      const draft = { encoding: 'json' as const, bytes: Buffer.from(bad) };
      assert.ok('rejected' in kv.beforePropose(draft));
      assert.equal(codeOf(feed(kv, bad)), 'command-rejected');
      assert.equal(kv.digest(), new KvMachine().digest());
    });
  }

  it('rejects what is not declared as JSON, or is not UTF-8, without throwing', () => {
    const kv = new KvMachine();
    const place = { instance: 0, index: 0, timeMs: 0 };
    assert.equal(codeOf(kv.apply(commandOf('kv', put('k'), 'utf8'), place)), 'command-rejected');
    const bytes = Buffer.concat([
      Buffer.from('{"op":"put","key":"k","value":"'),
      Buffer.from([0xff]),
      Buffer.from('"}'),
    ]);
    assert.equal(codeOf(kv.apply({ ...commandOf('kv', ''), bytes }, place)), 'command-rejected');
    const good = { encoding: 'json' as const, bytes: Buffer.from(JSON.stringify(put('k'))) };
    assert.equal(kv.beforePropose(good), good);
  });

  it('keeps nothing of the bytes it was given: they belong to the log', () => {
    const kv = new KvMachine();
    const command = commandOf('kv', put('k', 'value'));
    kv.apply(command, { instance: 0, index: 0, timeMs: 0 });
    (command.bytes as Buffer).fill(0);
    assert.equal(get(kv, 'k')?.text, '"value"');
  });

  it('keeps the ETags that a backup brings, and gives none that the group before may have given', async () => {
    const old = new KvMachine();
    feed(old, put('k'), { instance: 12 });
    const backup = await hold(old)();
    feed(old, put('k', 2), { instance: 13 });
    const kv = new KvMachine();
    await restore(kv, backup, { source: 'backup' });
    assert.equal(get(kv, 'k')?.etag, '12.0');
    feed(kv, put('k', 3), { instance: 13 });
    assert.notEqual(get(kv, 'k')?.etag, get(old, 'k')?.etag);
    assert.equal(codeOf(feed(kv, put('k', 4, { ifMatch: '13.0' }), { instance: 14 })), 'precondition-failed');
    const next = new KvMachine();
    await restore(next, await hold(kv)(), { source: 'backup' });
    const copy = new KvMachine();
    await restore(copy, await hold(next)());
    for (const each of [next, copy]) feed(each, put('k', 5), { instance: 13 });
    assert.equal(get(next, 'k')?.etag, '13.0.2');
    assert.equal(get(copy, 'k')?.etag, '13.0.2');
  });

  it('keeps its state when a snapshot cannot be read', async () => {
    const kv = new KvMachine();
    feed(kv, put('k'));
    const [before, snapshot] = [kv.digest(), await hold(kv)()];
    feed(kv, put('l'));
    await assert.rejects(restore(kv, snapshot.subarray(0, snapshot.length - 3)), /no end/);
    assert.notEqual(get(kv, 'l'), null);
    await restore(kv, snapshot);
    assert.equal(kv.digest(), before);
    assert.equal(get(kv, 'l'), null);
  });
});
