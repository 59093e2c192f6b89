import assert from 'node:assert/strict';
import test from 'node:test';
import { anyStands, emptyStage, hold, meetings, modeOf, moreThan, next, question } from '../../static/layout.js';
import { fact } from './kit.js';

const map = (cards) => new Map(cards.map((card) => [card.key, card]));
const at = (now) => ({ now, at: 1000 + now, quietAfter: 900 });
const recent = (key, more = {}) => fact(key, { at: 1000, ...more });
const column = (stage) => stage.slots.map(({ key }) => key);

test('a post is held by its words, and at least 12 s; a conversation at least 20 s', () => {
  assert.deepEqual([hold(5, false), hold(40, false), hold(5, true), hold(100, true)], [12, 18, 20, 39]);
});
test('however much there is to read, the stage moves on', () => {
  assert.deepEqual([hold(20000, false), hold(1e9, true)], [90, 90]);
});
test('what has nothing to read or see neither leads nor stands in the column, is asked or counted', () => {
  const nothing = { empty: true, words: 0 }, cards = map([recent(1), recent(2), recent(8, nothing), recent(9, nothing)]);
  const stage = next(emptyStage(), cards, at(0));
  assert.deepEqual([stage.lead.id, column(stage)], [2, [1]]);
  assert.equal(question(map([fact(1), fact(2, { root: 1, ...nothing })]), 0, new Set()).key, 1);
  assert.equal(moreThan(cards, 1000, new Set([1, 2])), 0);
});
test('a stage on which nothing can stand is known', () => {
  const cards = map([recent(1, { empty: true }), recent(2), recent(3, { warned: true })]), stage = emptyStage();
  assert.equal(anyStands(cards, stage), true);
  stage.tooLong.add(2).add(3);
  assert.equal(anyStands(cards, stage), true);
  stage.tooLongBeside.add(2).add(3);
  assert.equal(anyStands(cards, stage), false);
});
test('a conversation stands before the newest post', () => {
  const stage = next(emptyStage(), map([recent(1), recent(2, { root: 1 }), recent(3), recent(4)]), at(0));
  assert.deepEqual([stage.lead.id, column(stage)], [1, [4, 3]]);
});
test('without a conversation the newest post leads and the others stand beside it', () => {
  const stage = next(emptyStage(), map([recent(1), recent(2), recent(3)]), at(0));
  assert.deepEqual([stage.lead.id, column(stage)], [3, [2, 1]]);
});
test('nothing moves while what stands there is being read', () => {
  const cards = map([recent(1), recent(2, { root: 1 }), recent(3)]), stage = next(emptyStage(), cards, at(0));
  assert.equal(next(stage, cards.set(9, recent(9)), at(11)), stage);
});
test('a new post comes in on top when the one there has had its time', () => {
  const cards = map([recent(1), recent(2, { root: 1 }), recent(3)]), stage = next(emptyStage(), cards, at(0));
  assert.deepEqual(column(next(stage, cards.set(9, recent(9)), at(12))), [9, 3]);
});
test('posts that wait come in one after the other, oldest first', () => {
  const cards = map([recent(1), recent(2, { root: 1 }), recent(3)]);
  let stage = next(emptyStage(), cards, at(0));
  for (const key of [7, 8]) cards.set(key, recent(key));
  stage = next(stage, cards, at(12));
  assert.deepEqual(column(stage), [7, 3]);
  assert.equal(next(stage, cards, at(23)), stage);
  assert.deepEqual(column(next(stage, cards, at(24))), [8, 7, 3]);
});
test('of a flood only the newest come in', () => {
  const cards = map([recent(1), recent(2, { root: 1 }), recent(3)]), stage = next(emptyStage(), cards, at(0));
  for (let key = 10; key < 60; key += 1) cards.set(key, recent(key));
  assert.deepEqual(column(next(stage, cards, at(12))), [56, 3]);
});
test('what was taken down leaves at once, also while it is held', () => {
  const cards = map([recent(1), recent(2, { root: 1 }), recent(3), recent(4)]), stage = next(emptyStage(), cards, at(0));
  cards.delete(4);
  assert.deepEqual(column(next(stage, cards, at(1))), [3]);
  cards.delete(1);
  cards.delete(2);
  assert.notEqual(next(stage, cards, at(1)).lead.id, 1);
});
test('a hole in the column is filled from below', () => {
  const cards = map([1, 2, 3, 4, 5, 6].map((key) => recent(key))), stage = next(emptyStage(), cards, at(0));
  assert.deepEqual(column(stage), [5, 4, 3, 2]);
  cards.delete(4);
  assert.deepEqual(column(next(stage, cards, at(1))), [5, 3, 2, 1]);
});
test('below, what has no room is passed over for what may have it', () => {
  const cards = map([1, 2, 3, 4].map((key) => recent(key))), stage = next(emptyStage(), cards, at(0));
  const fitted = { ...stage, slots: stage.slots.slice(0, 1), noRoom: new Set([2]) };
  assert.deepEqual(column(next(fitted, cards, at(5))), [3, 1]);
});
test('where a post has left a hole, what had no room is tried again', () => {
  const cards = map([recent(1), recent(2, { root: 1 }), recent(3), recent(4), recent(5)]), stage = next(emptyStage(), cards, at(0));
  const fitted = { ...stage, slots: stage.slots.slice(0, 2), noRoom: new Set([3]) };
  assert.deepEqual(column(next(fitted, cards, at(1))), [5, 4]);
  cards.delete(4);
  assert.deepEqual(column(next(fitted, cards, at(1))), [5, 3]);
});
test('a column that is full is left alone', () => {
  const cards = map([1, 2, 3, 4].map((key) => recent(key))), stage = next(emptyStage(), cards, at(0));
  const fitted = { ...stage, slots: stage.slots.slice(0, 2), noRoom: new Set([1]) };
  assert.equal(next(fitted, cards, at(5)), fitted);
});
test('the conversation with a new word comes next when the one in focus has had its time', () => {
  const cards = map([recent(1), recent(2, { root: 1 }), recent(3), recent(4, { root: 3 })]);
  let stage = next(emptyStage(), cards, at(0));
  assert.equal(stage.lead.id, 3);
  cards.set(9, recent(9, { root: 1 }));
  assert.equal(next(stage, cards, at(19)).lead.id, 3);
  stage = next(stage, cards, at(20));
  assert.equal(stage.lead.id, 1);
});
test('a single post does not push a conversation away', () => {
  const cards = map([recent(1), recent(2, { root: 1 })]);
  const stage = next(emptyStage(), cards, at(0));
  assert.equal(next(stage, cards.set(9, recent(9)), at(60)).lead.id, 1);
});
test('conversations take turns when nothing is new', () => {
  const cards = map([recent(1), recent(2, { root: 1 }), recent(3), recent(4, { root: 3 })]);
  let stage = next(emptyStage(), cards, at(0));
  const led = [stage.lead.id];
  for (let now = 1; now < 200; now += 1) {
    const after = next(stage, cards, at(now));
    if (after.lead !== stage.lead) led.push(after.lead.id);
    stage = after;
  }
  assert.deepEqual(led, [3, 1, 3, 1]);
});
test('what does not fit is not led, and what is warned of is not either', () => {
  const cards = map([recent(1), recent(2), recent(3, { warned: true })]);
  const stage = next({ ...emptyStage(), tooLong: new Set([2]) }, cards, at(0));
  assert.equal(stage.lead.id, 1);
});
test('modes: blank before all, then a lost stream, then nobody, then quiet', () => {
  const s = { blank: false, alive: true, cards: 3, now: 2000, freshAt: 1500, quietAfter: 900 };
  assert.deepEqual([
    modeOf({ ...s, blank: true, alive: false }), modeOf({ ...s, alive: false }), modeOf({ ...s, cards: 0 }),
    modeOf({ ...s, freshAt: 1000 }), modeOf(s),
  ], ['blank', 'pause', 'invite', 'quiet', 'river']);
});
test('the quiet wall asks what nobody has answered, each for two minutes', () => {
  const cards = map([fact(1, { asks: true }), fact(2, { asks: true }), fact(3, { asks: true }), fact(4, { root: 2 }), fact(5)]);
  assert.deepEqual([0, 119, 120, 240].map((now) => question(cards, now, new Set()).key), [1, 1, 3, 1]);
});
test('a question that a passer-by takes in is asked before a long one, and a long one where there is no other', () => {
  const long = fact(1, { asks: true, words: 90 }), short = fact(2, { asks: true, words: 12 });
  assert.deepEqual([0, 120, 240].map((now) => question(map([long, short]), now, new Set()).key), [2, 2, 2]);
  assert.equal(question(map([long]), 0, new Set()).key, 1);
});
test('with no question the latest words stand there', () => {
  assert.equal(question(map([fact(1), fact(2)]), 0, new Set()).key, 2);
  assert.equal(question(map([fact(1), fact(2)]), 0, new Set([2])).key, 1);
  assert.equal(question(new Map(), 0, new Set()), null);
});
test('people who answered each other found each other; talking to oneself is not that', () => {
  const cards = map([fact(1), fact(2, { root: 1 }), fact(3), fact(4, { root: 3 })]);
  const found = meetings(cards, 100, 5, (key) => (key < 3 ? 'same' : `author ${key}`));
  assert.deepEqual(found.map(({ keys }) => keys), [[3, 4]]);
});
test('what came lately and has no place is counted', () => {
  const cards = map([fact(1, { at: 100 }), fact(2, { at: 900 }), fact(3, { at: 950 })]);
  assert.equal(moreThan(cards, 1000, new Set([3])), 1);
});
