import assert from 'node:assert/strict';
import test from 'node:test';

import { callName, dateIn, isolated, lineOf } from '../../static/wording.js';

test('the date is that of the zone, year first', () => {
  const at = Date.UTC(2026, 10, 24, 23, 30) / 1000;
  assert.deepEqual(['UTC', 'Europe/Warsaw', 'America/New_York'].map((zone) => dateIn(zone, at)), ['2026-11-24', '2026-11-25', '2026-11-24']);
  assert.equal(dateIn('UTC', Date.UTC(2026, 0, 5) / 1000), '2026-01-05');
});

const text = (value) => ({ nodeName: '#text', nodeValue: value, childNodes: [] });
const el = (name, ...childNodes) => ({ nodeName: name.toUpperCase(), childNodes });

test('a body in one line keeps its words apart, and its stops where they are', () => {
  const first = el('p', text('See '), el('a', text('@noor')), text(', please.'));
  assert.equal(lineOf(el('div', first, el('p', text('Why'), el('br'), text('not?')))), 'See @noor, please. Why not?');
  assert.equal(lineOf(el('div', text('so '), { nodeName: 'IMG', alt: ':party:' }, text('!'))), 'so :party:!');
  assert.equal(lineOf(null), '');
});

test('people are called by their first name, everything else by its whole one', () => {
  const called = (name) => callName({ querySelector: () => ({ textContent: name }) });
  assert.deepEqual(['Noor Okafor', 'J. Adeyemi', 'The Mill Bell', 'Open Ideas 2026'].map(called),
    ['Noor', 'J. Adeyemi', 'The Mill Bell', 'Open Ideas 2026']);
  assert.equal(called('The Association of Something'), '');
});
test('a name in a sentence cannot end what keeps it from turning the sentence round', () => {
  assert.equal(isolated('a\u2069\u202eb'), '\u2068ab\u2069');
});
test('of a body only the beginning stands beside the column, and no half of a sign', () => {
  assert.equal(lineOf(el('div', text(`${'?'.repeat(299)}🙂${'?'.repeat(2000)}`))), `${'?'.repeat(299)}…`);
});
