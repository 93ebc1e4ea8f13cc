// Several values at once: all of them or none, each kept as it stands in the body.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { BATCH_ENTRIES_MAX } from '../../src/schemas/batch.js';
import { buildEdge, type Edge, VALUE_BYTES_MAX } from '../helper.js';

const URL = '/v1/groups/main/batches';

describe('POST batches', () => {
  let edge: Edge;
  beforeEach(async () => {
    edge = await buildEdge();
  });
  afterEach(() => edge.app.close());

  const post = (payload: string, type = 'application/json', query = '') =>
    edge.app.inject({ method: 'POST', url: URL + query, payload, headers: { 'content-type': type } });
  const texts = () => edge.main.received.map(({ bytes }) => Buffer.from(bytes).toString());

  it('answers 201 with one instance and a result for each entry', async () => {
    const answer = await post(
      '{"entries":[{"value":1},{"value":"b","encoding":"utf8","machine":"kv"},{"value":"AP8=","encoding":"base64"}]}',
    );
    assert.equal(answer.statusCode, 201);
    assert.deepEqual(answer.json(), {
      group: 'main',
      instanceId: 0,
      results: [0, 1, 2].map((index) => ({ index, result: null })),
    });
    assert.equal(answer.headers.location, '/v1/groups/main/instances/0');
    assert.deepEqual(
      edge.main.received.map(({ machine, encoding }) => [machine, encoding]),
      [
        ['log', 'json'],
        ['kv', 'utf8'],
        ['log', 'base64'],
      ],
    );
    assert.deepEqual([...(edge.main.received[2]?.bytes ?? [])], [0, 255]);
  });

  it('keeps every JSON value byte for byte', async () => {
    const values = [
      '1e400',
      '{"__proto__":{"x":1}}',
      '{"b":1,"a":2,"b":3}',
      '[ 1 ,\t2 ]',
      '"\\ud800 \\" ] } \\\\"',
      'null',
      '-0.10',
      '{"entries":[{"value":1}]}',
      '"\\u00e9é"',
    ];
    const body = `{ "entries" : [ ${values.map((value) => `{ "value" : ${value} , "idempotencyKey":"k"}`).join(' , ')} ] }`;
    assert.equal((await post(body)).statusCode, 201);
    assert.deepEqual(texts(), values);
  });

  it('reads field names that are escaped, and takes the last of repeated ones as every JSON reader does', async () => {
    assert.equal((await post('{"entries":[{"\\u0076alue":1,"value":2}]}')).statusCode, 201);
    assert.deepEqual(texts(), ['2']);
  });

  it('takes one JSON value a line as x-ndjson', async () => {
    const answer = await post('{"a":1e400}\r\n\n [2] \n"x"', 'application/x-ndjson');
    assert.equal(answer.statusCode, 201);
    assert.deepEqual(texts(), ['{"a":1e400}', ' [2] ', '"x"']);
  });

  it('passes keys, deadline and route on', async () => {
    assert.equal(
      (await post('{"entries":[{"value":1,"idempotencyKey":"k"}]}', 'application/json', '?timeoutMs=7&route=local'))
        .statusCode,
      201,
    );
    assert.equal(edge.main.received[0]?.idempotencyKey, 'k');
    assert.deepEqual(edge.main.options[0], { timeoutMs: 7, route: 'local', ifMaster: undefined });
  });

  const half = 'x'.repeat(VALUE_BYTES_MAX / 2 - 2);
  it('takes values of exactly the limit together, and refuses one byte more', async () => {
    const entries = (extra: string) => JSON.stringify({ entries: [{ value: half }, { value: half + extra }] });
    assert.equal((await post(entries('y'))).json().code, 'value-too-large');
    assert.equal(edge.main.received.length, 0);
    assert.equal((await post(entries(''))).statusCode, 201);
  });

  it('measures the values, not how the body escapes them', async () => {
    const control = '\\u0001'.repeat(VALUE_BYTES_MAX);
    assert.equal((await post(`{"entries":[{"value":"${control}","encoding":"utf8"}]}`)).statusCode, 201);
    assert.equal(edge.main.received[0]?.bytes.length, VALUE_BYTES_MAX);
  });

  it('refuses more entries than the bound', async () => {
    const lines = '1\n'.repeat(BATCH_ENTRIES_MAX + 1);
    assert.equal((await post(lines, 'application/x-ndjson')).json().code, 'value-too-large');
    const many = `{"entries":[${'{"value":1},'.repeat(BATCH_ENTRIES_MAX)}{"value":1}]}`;
    assert.equal((await post(many)).json().code, 'value-too-large');
    assert.equal(edge.main.received.length, 0);
  });

  for (const body of [
    '',
    '{',
    '[]',
    'null',
    '{}',
    '{"entries":[]}',
    '{"entries":{}}',
    '{"entries":[1]}',
    '{"entries":[{}]}',
    '{"entries":[{"value":1}],"more":1}',
    '{"entries":[{"value":1},{"value":1,"encodign":"utf8"}]}',
    '{"entries":[{"value":1},{"value":"a","encoding":"latin1"}]}',
    '{"entries":[{"value":1,"encoding":"utf8"}]}',
    '{"entries":[{"value":"\\ud800","encoding":"utf8"}]}',
    '{"entries":[{"value":"a","encoding":"base64"}]}',
    '{"entries":[{"value":"AB==","encoding":"base64"}]}',
    '{"entries":[{"value":"AA==\\n","encoding":"base64"}]}',
    '{"entries":[{"value":1,"machine":""}]}',
    '{"entries":[{"value":1,"machine":7}]}',
    '{"entries":[{"value":1,"idempotencyKey":"a b"}]}',
    '{"entries":[{"value":1,"idempotencyKey":""}]}',
  ]) {
    it(`refuses ${body} and commits nothing of it`, async () => {
      const answer = await post(body);
      assert.equal(answer.statusCode, 400);
      assert.deepEqual([answer.json().code, answer.json().outcome], ['invalid-request', 'none']);
      assert.equal(edge.main.received.length, 0);
    });
  }

  it('refuses a bad line, blank bodies, other types and no body at all', async () => {
    assert.equal((await post('1\n{\n2', 'application/x-ndjson')).statusCode, 400);
    assert.equal((await post('\n \n', 'application/x-ndjson')).statusCode, 400);
    assert.equal((await post('1', 'text/plain')).statusCode, 415);
    assert.equal((await edge.app.inject({ method: 'POST', url: URL })).statusCode, 400);
    assert.equal(edge.main.received.length, 0);
  });
});
