import assert from 'node:assert/strict';
import test from 'node:test';

import { dateIn } from '../../static/wording.js';

test('the date is that of the zone, year first', () => {
  const at = Date.UTC(2026, 10, 24, 23, 30) / 1000;
  assert.deepEqual(['UTC', 'Europe/Warsaw', 'America/New_York'].map((zone) => dateIn(zone, at)), ['2026-11-24', '2026-11-25', '2026-11-24']);
  assert.equal(dateIn('UTC', Date.UTC(2026, 0, 5) / 1000), '2026-01-05');
});
