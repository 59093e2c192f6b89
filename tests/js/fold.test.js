import assert from 'node:assert/strict';
import test from 'node:test';
import { begin, fold, greet, prepend, trim } from '../../static/fold.js';
import { linesIn } from '../../static/reading.js';
import { view } from './kit.js';

const frame = (prev, seq, put = [], gone = []) => ({ prev, seq, at: 1, put, gone });
const start = (keys, more = {}) => begin(keys.map((key) => view(key)), { epoch: 'a', seq: 10, ...more });
const step = (state, ...frames) => frames.reduce((now, said) => fold(now, said, (card) => card), state);
const keys = (state) => [...state.cards.keys()].sort((a, b) => a - b);

test('a frame that follows on mine is applied', () => {
  const state = step(start([1, 2]), frame(10, 12, [view(12)], [1]));
  assert.deepEqual([state.seq, keys(state)], [12, [2, 12]]);
});
test('a frame older than mine changes nothing', () => {
  const state = start([1]);
  assert.equal(step(state, frame(4, 9, [view(9)])), state);
});
test('the same frame twice is once', () => {
  const state = step(start([1]), frame(10, 12, [view(12)]));
  assert.equal(step(state, frame(10, 12, [view(12)])), state);
});
test('a frame with a hole before it asks for a new connection and changes nothing else', () => {
  const state = step(start([1]), frame(11, 12, [view(12)]));
  assert.deepEqual([state.broken, state.seq, keys(state)], [true, 10, [1]]);
});
test('prev 0 forgets everything that was there', () => {
  const state = step(start([1, 2]), frame(0, 30, [view(7), view(30)]));
  assert.deepEqual([state.seq, state.resets, keys(state)], [30, 1, [7, 30]]);
});
test('prev 0 of an older number is old', () => {
  const state = start([1]);
  assert.equal(step(state, frame(0, 9, [view(9)])), state);
});
test('another epoch makes my number worth nothing, so that everything comes anew', () => {
  const state = step(greet(start([1]), 'b'), frame(0, 3, [view(3)]));
  assert.deepEqual([state.epoch, state.seq, keys(state)], ['b', 3, [3]]);
});
test('the same epoch changes nothing', () => {
  const state = start([1]);
  assert.equal(greet(state, 'a'), state);
});
test('a heartbeat is the same state', () => {
  const state = start([1]);
  assert.equal(step(state, frame(10, 10)), state);
});
test('a heartbeat of a number I have not reached asks for a new connection', () => {
  assert.equal(step(start([1]), frame(11, 11)).broken, true);
});
test('the veil takes cards away without a new number', () => {
  const state = step(start([1, 2]), frame(10, 10, [], [2]));
  assert.deepEqual([state.seq, keys(state)], [10, [1]]);
});
test('an edit keeps its order', () => {
  const state = step(start([1, 2]), frame(10, 11, [{ ...view(1), text: 'new' }]));
  assert.deepEqual([state.cards.get(1).order, state.cards.get(1).text], [1, 'new']);
});
test('a wall keeps its newest', () => {
  const state = step(start([1, 2, 3], { cap: 3 }), frame(10, 11, [view(11)]));
  assert.deepEqual(keys(state), [2, 3, 11]);
});
test('a wall takes an older card back where one went', () => {
  const state = step(start([2, 3, 4], { cap: 3 }), frame(10, 11, [view(1)], [4]));
  assert.deepEqual(keys(state), [1, 2, 3]);
});
test('a tab ignores cards below the oldest it has loaded', () => {
  const state = step(start([5, 6], { older: true }), frame(10, 11, [view(2)]));
  assert.deepEqual(keys(state), [5, 6]);
});
test('a tab that has loaded everything takes an old card in', () => {
  assert.deepEqual(keys(step(start([5, 6]), frame(10, 11, [view(2)]))), [2, 5, 6]);
});
test('a whole frame that is full says that there may be older cards', () => {
  const many = Array.from({ length: 200 }, (_, i) => view(i + 100));
  assert.deepEqual(step(start([1]), frame(0, 400, many)).floor.key, 100);
  assert.equal(step(start([1]), frame(0, 400, many.slice(1))).floor, null);
});
test('a page of results takes changes, and only counts what is new', () => {
  const state = step(start([5], { grows: false }), frame(10, 11, [{ ...view(5), text: 'new' }, view(11)]));
  assert.deepEqual([keys(state), state.cards.get(5).text, state.unseen], [[5], 'new', 1]);
});
test('blank is put and gone as key 0, and is no card', () => {
  const dark = step(start([1]), frame(10, 11, [{ key: 0, kind: 'blank', order: 0 }]));
  assert.deepEqual([dark.blank, keys(dark)], [true, [1]]);
  assert.equal(step(dark, frame(11, 12, [], [0])).blank, false);
});
const lines = (...all) => ({
  key: -1, kind: 'folded', order: 0, lines: all.map(([key, count]) => ({ key, order: key, count, name: `a${key}` })),
});
test('folded posts are one item that comes whole, and is no card', () => {
  const state = step(start([1]), frame(10, 11, [lines([5, 2])]), frame(11, 12, [lines([5, 3], [8, 1])]));
  assert.deepEqual([state.lines.map(({ key, count }) => [key, count]), keys(state)], [[[5, 3], [8, 1]], [1]]);
});
test('the item of folded posts is veiled by a heartbeat, and goes', () => {
  const both = step(start([1]), frame(10, 11, [lines([5, 2], [8, 1])]));
  const veiled = step(both, frame(11, 11, [lines([8, 1])]));
  assert.deepEqual(veiled.lines.map(({ key }) => key), [8]);
  assert.deepEqual(step(veiled, frame(11, 12, [], [-1])).lines, []);
});
test('with everything come the folded posts, or there are none', () => {
  const state = step(start([1]), frame(10, 11, [lines([5, 2])]));
  assert.equal(step(state, frame(0, 20, [view(20), lines([7, 1])])).lines[0].key, 7);
  assert.deepEqual(step(state, frame(0, 20, [view(20)])).lines, []);
});
test('a folded line that is older than what is loaded comes with the history', () => {
  const { lines: all } = lines([3, 1], [6, 1]);
  assert.deepEqual(linesIn(all, { key: 5, order: 5 }).map(({ key }) => key), [6]);
  assert.deepEqual(linesIn(all, null), all);
});
test('an unknown kind of item is passed over', () => {
  assert.deepEqual(keys(step(start([1]), frame(10, 11, [{ key: 9, kind: 'screen', order: 0 }]))), [1]);
});
test('history goes below, and what is known stays newer', () => {
  const mine = { ...view(5), text: 'mine' };
  const state = prepend(begin([mine], { epoch: 'a', seq: 10, older: true }), [view(3), view(4), view(5)], true);
  assert.deepEqual([keys(state), state.cards.get(5).text, state.floor.key], [[3, 4, 5], 'mine', 3]);
});
test('the end of history has no floor', () => {
  assert.equal(prepend(start([5], { older: true }), [view(3)], false).floor, null);
});
test('a long page lets its oldest go and can read them again', () => {
  const state = trim(start([1, 2, 3, 4]), 2);
  assert.deepEqual([keys(state), state.floor.key], [[3, 4], 3]);
});
