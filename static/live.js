// The connection to /live. It trusts bytes, not events: a silent network, a frozen tab and a stalled proxy all
// look healthy to a browser for minutes, so the page is alive only while the server's time moves on.
import { stopwatch } from './clock.js';

/** @typedef {import('./clock.js').Clock} Clock */
/** @typedef {import('./fold.js').Frame} Frame */

/** A page is alive while its last fresh frame is younger than this; the server sends one every 3 s. */
export const STALE_S = 10;
const GAP_S = 5;

/**
 * Return how long to wait before connecting again. Full jitter, because ten thousand pages lose one server at once.
 * Screens are few and everybody looks at them: up to 1 s, always. A tab waits up to 2.5 s at first, since mostly it
 * is alone (a lift, a lid, a changed network) and should not sit there for 20 s; each failure in a row doubles that up
 * to 20 s, which is what spreads a crowd over a server that is really gone.
 * @param {'screen' | 'tab'} kind @param {number} failures in a row so far @param {number} chance in [0, 1)
 */
export function delay(kind, failures, chance) {
  return chance * (kind === 'screen' ? 1 : Math.min(20, 2.5 * 2 ** failures));
}

/**
 * @typedef {{
 *   onmessage: ((event: any) => any) | null, onclose: ((event: any) => any) | null,
 *   onerror: ((event: any) => any) | null, close(): void
 * }} Socket  the part of a WebSocket that is used
 * @typedef {{
 *   clock: Clock, random: () => number, kind: 'screen' | 'tab', connect: (query: string) => Socket,
 *   where: () => {epoch: string, seq: number}, hello: (epoch: string, protocol: number) => void,
 *   frame: (frame: Frame) => boolean, alive: (alive: boolean) => void
 * }} Wiring  `frame` answers false where the frame does not follow and the page must ask again
 */

export class Live {
  /** @param {Wiring} wiring */
  constructor(wiring) {
    this.w = wiring;
    /** @type {Socket | null} */ this.socket = null;
    /** @type {(() => void) | null} */ this.waiting = null;
    this.failures = 0;
    this.at = -Infinity;
    this.quiet = stopwatch(wiring.clock);
    this.beat = stopwatch(wiring.clock);
    this.opened = stopwatch(wiring.clock);
    this.isAlive = true;
  }

  start() {
    this.open();
    this.w.clock.every(1, () => this.tick());
  }

  /** Every second, and whenever the page has reason to think that it slept. */
  tick() {
    const slept = this.beat() > GAP_S;
    this.beat = stopwatch(this.w.clock);
    const stale = this.quiet() > STALE_S;
    this.tell(!stale);
    if (this.socket && this.opened() > STALE_S && stale) this.again();
    else if (slept && !this.socket) this.now();
  }

  /** The page has come back from somewhere: look at once, and do not wait out a pause that began before. */
  check() {
    this.tick();
    if (!this.socket) this.now();
  }

  /** @param {boolean} alive */
  tell(alive) {
    if (alive !== this.isAlive) this.w.alive(this.isAlive = alive);
  }

  now() {
    this.waiting?.();
    this.waiting = null;
    this.open();
  }

  open() {
    const { epoch, seq } = this.w.where();
    this.opened = stopwatch(this.w.clock);
    const socket = this.w.connect(`?after=${seq}&epoch=${encodeURIComponent(epoch)}`);
    this.socket = socket;
    socket.onmessage = ({ data }) => this.heard(data);
    socket.onclose = socket.onerror = () => this.again();
  }

  /** Drop the socket without waiting (a `close` can take a minute to say so) and connect later. */
  again() {
    const socket = this.socket;
    if (!socket) return;
    this.socket = socket.onmessage = socket.onclose = socket.onerror = null;
    socket.close();
    const pause = delay(this.w.kind, this.failures, this.w.random());
    this.failures += 1;
    this.waiting = this.w.clock.after(pause, () => { this.waiting = null; this.open(); });
  }

  /** @param {any} data */
  heard(data) {
    const said = JSON.parse(data);
    if ('protocol' in said) {
      this.at = -Infinity;
      this.w.hello(said.epoch, said.protocol);
      return;
    }
    if (said.at > this.at) {
      this.at = said.at;
      this.quiet = stopwatch(this.w.clock);
      this.failures = 0;
    }
    if (this.w.frame(said)) this.tell(this.quiet() <= STALE_S);
    else this.again();
  }
}
