// What the tests hold in their hand: time, a socket, cards.

export class HandClock {
  constructor() {
    this.at = 1000;
    this.timers = [];
  }

  wall = () => this.at;
  monotonic = () => this.at;

  after(seconds, f) {
    const timer = { due: this.at + seconds, f };
    this.timers.push(timer);
    return () => { this.timers = this.timers.filter((other) => other !== timer); };
  }

  every(seconds, f) {
    const again = () => { f(); cancel = this.after(seconds, again); };
    let cancel = this.after(seconds, again);
    return () => cancel();
  }

  /** Let time pass; what falls due is called in its order. */
  pass(seconds) {
    const end = this.at + seconds;
    for (;;) {
      const [timer] = this.timers.filter(({ due }) => due <= end).sort((a, b) => a.due - b.due);
      if (!timer) break;
      this.at = Math.max(this.at, timer.due);
      this.timers = this.timers.filter((other) => other !== timer);
      timer.f();
    }
    this.at = end;
  }

  /** The machine sleeps: no timer runs, the clock moves on. */
  sleep(seconds) {
    this.at += seconds;
  }
}

export class HandSocket {
  constructor(query) {
    this.query = query;
    this.isClosed = false;
  }

  say(message) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  close() {
    this.isClosed = true;
  }
}

export const fact = (key, more = {}) => ({
  key, order: key, parent: 0, root: 0, at: key, words: 10, asks: false, warned: false, network: 'Mastodon', ems: 20, lines: 1, empty: false, ...more,
});

export const view = (key, more = {}) => ({ kind: 'card', key, order: key, ...more });
