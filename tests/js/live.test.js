import assert from 'node:assert/strict';
import test from 'node:test';
import { Live, delay } from '../../static/live.js';
import { HandClock, HandSocket } from './kit.js';

function setUp({ kind = 'screen', follows = () => true } = {}) {
  const clock = new HandClock(), sockets = [], frames = [], alive = [], stand = { epoch: 'e', seq: 7 };
  const live = new Live({
    clock, kind, random: () => 0.5, where: () => stand,
    connect(query) {
      const socket = new HandSocket(query);
      sockets.push(socket);
      return socket;
    },
    hello(epoch) { stand.epoch = epoch; },
    frame(frame) { frames.push(frame); return follows(frame); },
    alive: (is) => alive.push(is),
  });
  live.start();
  let at = 5000;
  const beat = () => sockets.at(-1).say({ prev: 7, seq: 7, at: at += 3, put: [], gone: [] });
  return { clock, sockets, frames, alive, stand, live, beat };
}

test('it asks for what came after its number', () => {
  assert.equal(setUp().sockets[0].query, '?after=7&epoch=e');
});
test('frames reach the page, the greeting does not', () => {
  const { sockets, frames, stand } = setUp();
  sockets[0].say({ protocol: 1, epoch: 'f' });
  sockets[0].say({ prev: 7, seq: 8, at: 1, put: [], gone: [] });
  assert.deepEqual([frames.length, frames[0].seq, stand.epoch], [1, 8, 'f']);
});
test('a page that hears a fresh frame every 3 s stays connected', () => {
  const { clock, sockets, alive, beat } = setUp();
  for (let i = 0; i < 20; i += 1) {
    beat();
    clock.pass(3);
  }
  assert.deepEqual([sockets.length, alive], [1, []]);
});
test('silence is death after 10 s, whatever the socket says', () => {
  const { clock, sockets, alive, beat } = setUp();
  beat();
  clock.pass(10);
  assert.deepEqual([sockets.length, alive], [1, []]);
  clock.pass(2);
  assert.deepEqual([sockets.length, sockets[0].isClosed, sockets[0].onmessage, alive], [2, true, null, [false]]);
});
test('old frames over and over are silence', () => {
  const { clock, sockets, alive } = setUp();
  for (let i = 0; i < 14; i += 1) {
    sockets[0].say({ prev: 7, seq: 7, at: 1, put: [], gone: [] });
    clock.pass(1);
  }
  assert.deepEqual([sockets.length > 1, alive], [true, [false]]);
});
test('the page is alive again with the first fresh frame', () => {
  const { clock, alive, beat } = setUp();
  clock.pass(12);
  beat();
  assert.deepEqual(alive, [false, true]);
});
test('a connection that never says anything is given up', () => {
  const { clock, sockets } = setUp();
  clock.pass(40);
  assert.ok(sockets.length >= 3, `${sockets.length} connections`);
});
test('a closed socket is followed by a new one after the jitter', () => {
  const { clock, sockets } = setUp();
  sockets[0].onclose();
  clock.pass(0.4);
  assert.equal(sockets.length, 1);
  clock.pass(0.2);
  assert.equal(sockets.length, 2);
});
test('a frame that does not follow is answered by a new connection', () => {
  const { clock, sockets, beat } = setUp({ follows: () => false });
  beat();
  clock.pass(1);
  assert.deepEqual([sockets.length, sockets[0].isClosed], [2, true]);
});
test('a page that wakes connects at once instead of waiting out its pause', () => {
  const { clock, sockets, live } = setUp({ kind: 'tab' });
  sockets[0].onclose();
  clock.sleep(3600);
  live.check();
  assert.equal(sockets.length, 2);
});
test('a page that slept drops the socket it went to sleep with', () => {
  const { clock, sockets, live, beat, alive } = setUp();
  beat();
  clock.sleep(600);
  live.check();
  assert.deepEqual([sockets[0].isClosed, alive], [true, [false]]);
  clock.pass(1);
  assert.equal(sockets.length, 2);
});
test('what a dropped socket still says is not heard', () => {
  const { sockets, frames } = setUp();
  sockets[0].onclose();
  sockets[0].say({ prev: 7, seq: 8, at: 1, put: [], gone: [] });
  assert.equal(frames.length, 0);
});
test('a screen never waits longer than a second', () => {
  assert.ok([0, 1, 5, 50].every((failures) => delay('screen', failures, 0.999) < 1));
});
test('a tab tries soon at first and spreads over 20 s when it keeps failing', () => {
  assert.deepEqual([0, 1, 2, 3, 4, 500].map((failures) => delay('tab', failures, 1)), [2.5, 5, 10, 20, 20, 20]);
});
test('failures are forgotten with a fresh frame', () => {
  const { clock, sockets, beat, live } = setUp({ kind: 'tab' });
  for (let i = 0; i < 5; i += 1) {
    sockets.at(-1).onclose?.();
    clock.pass(11);
  }
  assert.ok(live.failures > 3);
  clock.pass(20);
  live.check();
  beat();
  assert.equal(live.failures, 0);
});
