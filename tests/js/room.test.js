import assert from 'node:assert/strict';
import test from 'node:test';
import { greatest, mayFit, unitOf } from '../../static/room.js';

const text = (ems, lines = 1) => ({ ems, lines });
const stage = { width: 120, height: 78 };

test('a text that is longer than the stage at its smallest type is refused, and one that may fit is not', () => {
  assert.deepEqual([20, 300, 700, 2600].map((ems) => mayFit(text(ems), stage, 3.4)), [true, true, true, false]);
});
test('so are lines, however short', () => {
  assert.deepEqual([5, 21, 23].map((lines) => mayFit(text(1, lines), stage, 3.4)), [true, true, false]);
});
test('what fits in small type need not in large', () => {
  assert.deepEqual([3.4, 6, 10].map((size) => mayFit(text(200), stage, size)), [true, true, false]);
});
test('a place that is not displayed refuses nothing', () => {
  assert.equal(mayFit(text(1e6), { width: 0, height: 0 }, 3.4), true);
});
test('a unit is a per cent of the shorter side, and no smaller than phones can show', () => {
  assert.deepEqual([unitOf(1920, 1080), unitOf(390, 844)], [10.8, 5.2]);
});
test('the greatest size that fits is found, and what does not fit is tried once', () => {
  const sizes = [10, 9, 8, 7, 6, 5, 4];
  for (const limit of [3, 4, 5, 7.5, 9, 10, 11]) {
    const tried = [];
    const found = greatest(sizes, (size) => { tried.push(size); return size <= limit; });
    assert.equal(found, sizes.find((size) => size <= limit) ?? null);
    assert.ok(tried.length <= (found === null ? 1 : 4));
  }
  assert.equal(greatest([], () => true), null);
});
