import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FrameDecoder, FrameEncoder } from '../../src/net/frame.js';
import { Handshake, HandshakeRefused, type HandshakeSelf, type Session } from '../../src/net/handshake.js';

function self(id: string, changes: Partial<HandshakeSelf> = {}): HandshakeSelf {
  return {
    id,
    store: `store-of-${id}`,
    life: `life-of-${id}`,
    secret: 'open sesame',
    frameBytesMax: 1000,
    gids: () => ({ main: null }),
    ...changes,
  };
}

interface Meeting {
  readonly messages: Buffer[];
  readonly dialler: Session;
  readonly acceptor: Session;
}

function must<T>(value: T | null): T {
  assert.notEqual(value, null);
  return value as T;
}

function meet(dialler: HandshakeSelf, acceptor: HandshakeSelf, expected = acceptor.id): Meeting {
  const d = new Handshake('dialler', dialler, expected);
  const a = new Handshake('acceptor', acceptor);
  const one = d.open();
  const two = must(a.receive(one).reply);
  const three = must(d.receive(two).reply);
  const accepted = a.receive(three);
  const four = must(accepted.reply);
  return {
    messages: [one, two, three, four],
    dialler: must(d.receive(four).session),
    acceptor: must(accepted.session),
  };
}

function refused(reason: RegExp, act: () => unknown): void {
  assert.throws(act, (error) => error instanceof HandshakeRefused && reason.test(error.message));
}

describe('the handshake', () => {
  test('tells each side the id, the store and the limits of the other', () => {
    const { dialler, acceptor } = meet(self('a'), self('b', { frameBytesMax: 2000 }));
    assert.deepEqual(dialler.hello, { id: 'b', store: 'store-of-b' });
    assert.deepEqual(acceptor.hello, { id: 'a', store: 'store-of-a' });
    assert.equal(dialler.frameBytesMax, 2000);
    assert.equal(acceptor.life, 'life-of-a');
  });

  test('gives keys that fit crosswise and differ by direction and by connection', () => {
    const first = meet(self('a'), self('b'));
    const second = meet(self('a'), self('b'));
    const frame = (session: Session): Buffer => {
      const encoder = new FrameEncoder(session.sendKey);
      encoder.add('main', { type: 'ask', open: 1 }, 1000);
      return encoder.finish();
    };
    assert.equal(new FrameDecoder(first.acceptor.receiveKey).decode(frame(first.dialler)).length, 1);
    assert.equal(new FrameDecoder(first.dialler.receiveKey).decode(frame(first.acceptor)).length, 1);
    assert.throws(() => new FrameDecoder(first.dialler.receiveKey).decode(frame(first.dialler)));
    assert.throws(() => new FrameDecoder(second.acceptor.receiveKey).decode(frame(first.dialler)));
  });

  test('works without a secret, and then gives no keys', () => {
    const { dialler, acceptor } = meet(self('a', { secret: null }), self('b', { secret: null }));
    assert.equal(dialler.sendKey, null);
    assert.equal(acceptor.receiveKey, null);
  });

  test('never puts the secret on the wire', () => {
    for (const message of meet(self('a'), self('b')).messages) assert.equal(message.includes('open sesame'), false);
  });

  test('tells a stranger no store and no gid', () => {
    const a = new Handshake('acceptor', self('a', { gids: () => ({ main: 'gid-1' }) }));
    const answer = must(a.receive(new Handshake('dialler', self('x', { secret: null }), 'a').open()).reply);
    assert.equal(answer.includes('store-of-a') || answer.includes('gid-1'), false);
  });

  test('refuses a wrong secret, a missing one, and one too many', () => {
    for (const [mine, yours] of [
      ['one', 'two'],
      [null, 'two'],
      ['one', null],
    ] as const) {
      refused(/not authenticated/, () => meet(self('a', { secret: mine }), self('b', { secret: yours })));
    }
  });

  test('refuses an acceptor that cannot prove the secret', () => {
    const d = new Handshake('dialler', self('a'), 'b');
    const b = new Handshake('acceptor', self('b'));
    const three = must(d.receive(must(b.receive(d.open()).reply)).reply);
    const four = Buffer.from(must(b.receive(three).reply));
    four[four.length - 1] = (four[four.length - 1] ?? 0) ^ 1;
    refused(/not authenticated/, () => d.receive(four));
  });

  test('refuses a recording of an earlier handshake', () => {
    for (const secret of ['open sesame', null]) {
      const { messages } = meet(self('a', { secret }), self('b', { secret }));
      const acceptor = new Handshake('acceptor', self('b', { secret }));
      acceptor.receive(must(messages[0] ?? null));
      refused(/not authenticated/, () => acceptor.receive(must(messages[2] ?? null)));
      const dialler = new Handshake('dialler', self('a', { secret }), 'b');
      dialler.open();
      dialler.receive(must(messages[1] ?? null));
      refused(/not authenticated/, () => dialler.receive(must(messages[3] ?? null)));
    }
  });

  test('refuses its own messages sent back', () => {
    const d = new Handshake('dialler', self('a'), 'b');
    const one = d.open();
    refused(/malformed/, () => d.receive(one));
    const a = new Handshake('acceptor', self('a'));
    refused(/own id/, () => a.receive(one));
    const e = new Handshake('dialler', self('a'), 'b');
    const b = new Handshake('acceptor', self('b'));
    const three = must(e.receive(must(b.receive(e.open()).reply)).reply);
    const asFour = Buffer.from(three);
    asFour[1] = 4;
    refused(/not authenticated/, () => e.receive(asFour));
  });

  test('refuses the node that was not expected, from both sides', () => {
    refused(/this is node b/, () => meet(self('a'), self('b'), 'c'));
    const d = new Handshake('dialler', self('a'), 'c');
    d.open();
    const b = new Handshake('acceptor', self('b'));
    refused(/another node/, () => d.receive(must(b.receive(new Handshake('dialler', self('a'), 'b').open()).reply)));
  });

  test('refuses an id that is none', () => {
    for (const id of ['', 'A', '-a', 'a'.repeat(64), 'a\n']) refused(/not a node id/, () => meet(self(id), self('b')));
  });

  test('refuses another gid for the same group, and takes a group without one', () => {
    const gids = (main: string | null) => ({ gids: () => ({ main }) });
    refused(/group main has another gid/, () => meet(self('a', gids('g1')), self('b', gids('g2'))));
    meet(self('a', gids('g1')), self('b', gids('g1')));
    meet(self('a', gids('g1')), self('b', gids(null)));
    meet(self('a', gids(null)), self('b', gids('g1')));
    meet(self('a', { gids: () => ({ one: 'g1' }) }), self('b', { gids: () => ({ two: 'g2' }) }));
  });

  test('refuses an unknown version with a reason', () => {
    const one = new Handshake('dialler', self('a'), 'b').open();
    one[0] = 9;
    refused(/mesh version 9 is unknown here, this node speaks 1/, () =>
      new Handshake('acceptor', self('b')).receive(one),
    );
  });

  test('refuses every message that is cut short or has a byte flipped', () => {
    const { messages } = meet(self('a'), self('b'));
    const one = must(messages[0] ?? null);
    for (let length = 0; length < one.length; length++) {
      refused(/malformed/, () => new Handshake('acceptor', self('b')).receive(one.subarray(0, length)));
    }
    for (let at = 0; ; at++) {
      const d = new Handshake('dialler', self('a'), 'b');
      const b = new Handshake('acceptor', self('b'));
      const three = must(d.receive(must(b.receive(d.open()).reply)).reply);
      if (at === three.length) break;
      refused(/malformed|not authenticated/, () => b.receive(three.subarray(0, at)));
      three[at] = (three[at] ?? 0) ^ 0x55;
      refused(/malformed|not authenticated|version/, () => b.receive(three));
    }
  });

  test('refuses a fifth message and messages out of turn', () => {
    const { messages } = meet(self('a'), self('b'));
    for (const message of messages.slice(1)) {
      refused(/malformed/, () => new Handshake('acceptor', self('b')).receive(message));
    }
  });
});
