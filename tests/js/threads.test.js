import assert from 'node:assert/strict';
import test from 'node:test';
import { pendingIn, shownIn, titleOf, waitingIn } from '../../static/reading.js';
import { threads } from '../../static/threads.js';
import { fact } from './kit.js';

const shape = (cards) => threads(cards).map(({ head, replies }) => [head.key, ...replies.map(({ key }) => key)]);
const map = (cards) => new Map(cards.map((card) => [card.key, card]));

test('answers hang on what the conversation began with, in their order', () => {
  assert.deepEqual(shape([fact(9, { root: 1 }), fact(1), fact(4, { root: 1, parent: 1 })]), [[1, 4, 9]]);
});
test('the conversation with the latest word comes first', () => {
  assert.deepEqual(shape([fact(1), fact(2), fact(3, { root: 1 })]), [[1, 3], [2]]);
});
test('a beginning that was released after its answers still leads', () => {
  assert.deepEqual(shape([fact(1, { order: 8 }), fact(4, { root: 1 })]), [[1, 4]]);
});
test('answers to a post that is not here stay together', () => {
  assert.deepEqual(shape([fact(5, { root: 1 }), fact(6, { root: 1 }), fact(7)]), [[7], [5, 6]]);
});
test('what came after the reader left waits, and is counted', () => {
  const cards = map([fact(1), fact(2), fact(3)]);
  assert.deepEqual([shownIn(cards, 2).map(({ key }) => key), pendingIn(cards, 2), pendingIn(cards, Infinity)], [[1, 2], 1, 0]);
});
test('the title counts only while something waits', () => {
  assert.deepEqual([titleOf('Open Ideas', 3), titleOf('Open Ideas', 0)], ['(3) Open Ideas', 'Open Ideas']);
});
test('a question waits until somebody answers it', () => {
  const asked = [fact(1, { asks: true }), fact(2, { asks: true }), fact(3, { root: 1 }), fact(4, { asks: true, warned: true })];
  assert.deepEqual(waitingIn(map(asked), 5).map(({ key }) => key), [2]);
});
