// What wall and tab share: the state that the served page stands for, the connection, the time, today's date.
import { factsIn, factsOf, fill, card as newCard } from './card.js';
import { ConferenceTime, clock } from './clock.js';
import { begin, fold, greet } from './fold.js';
import { Live } from './live.js';
import { dateIn } from './wording.js';

/** @typedef {import('./card.js').Facts} Facts */
/** @typedef {import('./card.js').CardView} CardView */
/** @typedef {import('./fold.js').State<Facts>} State */

/** @param {string} id @returns {HTMLElement} */
export const byId = (id) => {
  const el = document.getElementById(id);
  if (!el) throw new Error(`the page has no #${id}`);
  return el;
};

/** The cards of a page: one element each, wherever it stands. */
export class Cards {
  /** @param {Iterable<HTMLElement>} served */
  constructor(served) {
    /** @type {Map<number, HTMLElement>} */
    this.elements = new Map(Array.from(served, (el) => [Number(el.dataset.key), el]));
    /** @type {Map<number, CardView>} */
    this.waiting = new Map();
  }

  /** @param {number} key @returns {HTMLElement} */
  get(key) {
    const el = this.elements.get(key);
    if (!el) throw new Error(`no element for card ${key}`);
    return el;
  }

  /** New or changed: its element will say what the card says. @param {CardView} view @returns {Facts} */
  put(view) {
    this.waiting.set(view.key, view);
    return factsIn(view);
  }

  /** Make the elements those of the state: fill what has changed, remove what is gone. @param {Map<number, Facts>} cards */
  take(cards) {
    for (const [key, view] of this.waiting) {
      const el = this.elements.get(key);
      if (!cards.has(key)) continue;
      if (el) fill(el, view);
      else this.elements.set(key, newCard(view));
    }
    this.waiting.clear();
    for (const [key, el] of this.elements) {
      if (!cards.has(key)) {
        el.remove();
        this.elements.delete(key);
      }
    }
  }
}

/** The days of cards are shown but today's: one rule, so that no card changes at midnight. */
export class Today {
  /** @param {string} zone */
  constructor(zone) {
    this.zone = zone;
    this.sheet = new CSSStyleSheet();
    this.date = '';
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, this.sheet];
  }

  /** @param {number} at */
  update(at) {
    const date = dateIn(this.zone, at);
    if (date === this.date) return;
    this.date = date;
    this.sheet.replaceSync(`[data-date="${date}"] .day { display: none }`);
  }
}

/**
 * Take up the served page and keep it current. `changed` takes the state's cards into the page (`cards.take`).
 * @param {{
 *   kind: 'screen' | 'tab', cards: Cards, lines?: import('./fold.js').Line[], cap?: number, older?: boolean, grows?: boolean,
 *   changed(now: State, before: State): void, alive(alive: boolean): void, tick(): void
 * }} page
 */
export function keepCurrent(page) {
  const { dataset } = byId('page');
  const stand = { now: Number(dataset.now), at: Number(dataset.at), rate: Number(dataset.rate) };
  const time = new ConferenceTime(clock, stand), today = new Today(dataset.zone || 'UTC');
  /** @type {State} */
  let state = begin([...page.cards.elements.values()].map(factsOf), {
    epoch: dataset.epoch ?? '', seq: Number(dataset.seq), blank: dataset.blank === '1',
    lines: page.lines, cap: page.cap, older: page.older, grows: page.grows,
  });

  /** @param {State} next */
  const become = (next) => {
    const before = state;
    state = next;
    dataset.seq = String(state.seq);
    dataset.epoch = state.epoch;
    if (state !== before) page.changed(state, before);
  };

  const live = new Live({
    clock,
    random: Math.random,
    kind: page.kind,
    connect: (query) => new WebSocket(new URL(`/live${query}`, location.href.replace(/^http/, 'ws'))),
    where: () => state,
    hello(epoch, protocol) {
      if (protocol !== Number(dataset.protocol)) location.reload();
      become(greet(state, epoch));
    },
    frame(frame) {
      const next = fold(state, frame, (view) => page.cards.put(view));
      if (next.broken) return false;
      time.heard(frame.at);
      become(next);
      return true;
    },
    alive: page.alive,
  });
  for (const [target, name] of /** @type {[EventTarget, string][]} */ ([
    [document, 'resume'], [document, 'visibilitychange'], [window, 'pageshow'], [window, 'online'],
  ])) target.addEventListener(name, () => live.check());

  const tick = () => {
    today.update(time.now());
    page.tick();
  };
  live.start();
  clock.every(1, tick);
  today.update(time.now());
  return { time, live, tick, get state() { return state; }, become };
}
