import assert from 'node:assert/strict';
import test from 'node:test';
import { ConferenceTime, stopwatch } from '../../static/clock.js';
import { HandClock } from './kit.js';

test('a stopwatch believes the later of two clocks', () => {
  const clock = { ...new HandClock(), now: { wall: 50, monotonic: 7 } };
  clock.wall = () => clock.now.wall;
  clock.monotonic = () => clock.now.monotonic;
  const watch = stopwatch(clock);
  clock.now = { wall: 40, monotonic: 9 };
  assert.equal(watch(), 2);
  clock.now = { wall: 650, monotonic: 9 };
  assert.equal(watch(), 600);
});
test('the conference goes on by the server, not by this machine', () => {
  const clock = new HandClock();
  const time = new ConferenceTime(clock, { now: 90_000, at: 5000, rate: 1 });
  clock.pass(60);
  time.heard(5030);
  assert.equal(time.now(), 90_030);
  clock.pass(4);
  assert.equal(time.now(), 90_034);
});
test('a demo runs as fast as the server says', () => {
  const clock = new HandClock();
  const time = new ConferenceTime(clock, { now: 90_000, at: 5000, rate: 60 });
  clock.pass(2);
  assert.equal(time.now(), 90_120);
});
