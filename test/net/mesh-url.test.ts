import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { meshUrl } from '../../src/net/mesh-url.js';

describe('the mesh URL of a member', () => {
  test('is /mesh below its URL, secure where the URL is', () => {
    for (const [url, expected] of [
      ['http://127.0.0.1:7001', 'ws://127.0.0.1:7001/mesh'],
      ['https://node.example/', 'wss://node.example/mesh'],
      ['http://[::1]:7001/behind/proxy/', 'ws://[::1]:7001/behind/proxy/mesh'],
      ['http://node.example/?a=b#c', 'ws://node.example/mesh'],
    ] as const) {
      assert.equal(meshUrl(url)?.href, expected);
    }
  });

  test('is none for anything but http and https with a host and without a password', () => {
    for (const url of [
      '',
      'node.example',
      'ftp://a',
      'file:///etc/passwd',
      'ws://a',
      'javascript:1',
      'http://',
      'http://u:p@a',
    ]) {
      assert.equal(meshUrl(url), null, url);
    }
  });
});
