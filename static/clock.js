// The page's only source of time. Everything else is handed a `Clock`, so a test can hold time in its hand.

/**
 * @typedef {{
 *   wall(): number, monotonic(): number,
 *   after(seconds: number, f: () => void): () => void,
 *   every(seconds: number, f: () => void): () => void
 * }} Clock
 *   `wall`: POSIX seconds of this machine. `monotonic`: seconds that never go back, though some engines stop
 *   them while the machine sleeps. `after` and `every` return what cancels them.
 */

/** @type {Clock} */
export const clock = {
  wall: () => Date.now() / 1000,
  monotonic: () => performance.now() / 1000,
  after(seconds, f) {
    const timer = setTimeout(f, seconds * 1000);
    return () => clearTimeout(timer);
  },
  every(seconds, f) {
    const timer = setInterval(f, seconds * 1000);
    return () => clearInterval(timer);
  },
};

/**
 * Seconds since a moment, as the later of both clocks says: one stands still in sleep, the other can be set back.
 * @param {Clock} c
 * @returns {() => number}
 */
export function stopwatch(c) {
  const wall = c.wall(), monotonic = c.monotonic();
  return () => Math.max(c.wall() - wall, c.monotonic() - monotonic);
}

/**
 * The conference's time, told by the server: a laptop's own clock may be wrong, and a demo's runs fast.
 * `heard(at)` takes the server's real seconds from a frame.
 */
export class ConferenceTime {
  /** @param {Clock} c @param {{now: number, at: number, rate: number}} stand */
  constructor(c, { now, at, rate }) {
    this.clock = c;
    this.origin = { now, at, rate };
    this.heard(at);
  }

  /** @param {number} at */
  heard(at) {
    this.at = at;
    this.since = stopwatch(this.clock);
  }

  /** @returns {number} POSIX seconds of the conference */
  now() {
    const { now, at, rate } = this.origin;
    return now + ((this.at ?? at) + (this.since?.() ?? 0) - at) * rate;
  }
}
