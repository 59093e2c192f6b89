// Pure: (state, frame) → state, by the rules of docs/protocol.md. No DOM, no clock, no network.

/**
 * @typedef {{key: number, order: number}} Placed
 * @typedef {Placed & {count: number, name: string}} Line an author's folded posts
 * @typedef {{prev: number, seq: number, at: number, put: any[], gone: number[]}} Frame
 */

/**
 * @template {Placed} C
 * @typedef {{
 *   epoch: string, seq: number, cards: Map<number, C>, blank: boolean, lines: Line[],
 *   floor: Placed | null, cap: number, grows: boolean, broken: boolean, resets: number, unseen: number
 * }} State
 *   `floor`: what is older than this card is not loaded and ignored; null where all is. `cap`: only the newest
 *   so many are kept. `grows`: false on a page of results, which takes changes and no new cards (it counts those
 *   in `unseen`), and which only the server can make anew after a frame with `prev` 0. `lines`: folded posts, which
 *   are no cards here. `broken`: the frame does not follow on ours, connect again. `resets`: how often all was replaced.
 */

/** The most cards that a frame with `prev` 0 holds: with that many, there may be older ones. */
export const WHOLE = 200;

/** The item that tells of folded posts. */
export const FOLDED = -1;

/** @param {Placed} a @param {Placed} b */
export const byPlace = (a, b) => a.order - b.order || a.key - b.key;

/**
 * @template {Placed} C
 * @param {Iterable<C>} cards
 * @param {{epoch: string, seq: number, blank?: boolean, lines?: Line[], cap?: number, older?: boolean, grows?: boolean}} stand
 * @returns {State<C>}
 */
export function begin(cards, { epoch, seq, blank = false, lines = [], cap = Infinity, older = false, grows = true }) {
  const sorted = [...cards].sort(byPlace);
  return {
    epoch, seq, blank, lines, cap, grows, broken: false, resets: 0, unseen: 0, floor: older ? sorted[0] ?? null : null,
    cards: new Map(sorted.map((card) => [card.key, card])),
  };
}

/**
 * Take the server's first message. Another epoch than mine: my number means nothing there.
 * @template {Placed} C @param {State<C>} state @param {string} epoch @returns {State<C>}
 */
export const greet = (state, epoch) => (epoch === state.epoch ? state : { ...state, epoch, seq: 0 });

/**
 * @template {Placed} C
 * @param {State<C>} state @param {Frame} frame @param {(view: any) => C} of what is kept of a card
 * @returns {State<C>} the same object where nothing changed
 */
export function fold(state, frame, of) {
  if (frame.seq < state.seq) return state;
  if (frame.prev === 0) return whole(state, frame, of);
  if (frame.prev === state.seq) return apply(state, frame, of);
  return frame.seq === state.seq ? state : { ...state, broken: true };
}

/** @param {any} item */
const isCard = (item) => item.kind === 'card';

/** @param {any} item */
const isFolded = (item) => item.kind === 'folded';

/**
 * Forget all, this is everything.
 * @template {Placed} C @param {State<C>} state @param {Frame} frame @param {(view: any) => C} of @returns {State<C>}
 */
function whole(state, frame, of) {
  const gone = new Set(frame.gone);
  const puts = frame.put.filter((item) => !gone.has(item.key));
  const sorted = puts.filter(isCard).map(of).sort(byPlace);
  if (!frame.seq && !state.seq && !sorted.length && !state.cards.size && !state.blank && !state.lines.length) return state;
  return {
    ...state, seq: frame.seq, broken: false, resets: state.resets + 1, unseen: 0,
    blank: puts.some((item) => item.key === 0), lines: puts.find(isFolded)?.lines ?? [], floor: sorted.length >= WHOLE ? sorted[0] : null,
    cards: capped(new Map(sorted.map((card) => [card.key, card])), state.cap),
  };
}

/** @template {Placed} C @param {State<C>} state @param {Frame} frame @param {(view: any) => C} of @returns {State<C>} */
function apply(state, frame, of) {
  if (!frame.put.length && !frame.gone.some((key) => state.cards.has(key) || key <= 0)) {
    return frame.seq === state.seq ? state : { ...state, seq: frame.seq };
  }
  const cards = new Map(state.cards);
  let { blank, unseen, lines } = state;
  for (const item of frame.put) {
    if (item.key === 0) blank = true;
    else if (isFolded(item)) lines = item.lines;
    else if (isCard(item)) {
      const isKnown = cards.has(item.key);
      if (isKnown || (state.grows && !(state.floor && byPlace(item, state.floor) < 0))) cards.set(item.key, of(item));
      else if (!state.grows) unseen += 1;
    }
  }
  for (const key of frame.gone) {
    if (key === 0) blank = false;
    if (key === FOLDED) lines = [];
    cards.delete(key);
  }
  return { ...state, seq: frame.seq, blank, unseen, lines, cards: capped(cards, state.cap) };
}

/** @template {Placed} C @param {Map<number, C>} cards @param {number} cap @returns {Map<number, C>} */
function capped(cards, cap) {
  if (cards.size <= cap) return cards;
  const newest = [...cards.values()].sort(byPlace).slice(-cap);
  return new Map(newest.map((card) => [card.key, card]));
}

/**
 * Older cards, read from the API. What is on the page already is newer than an answer that was under way.
 * @template {Placed} C @param {State<C>} state @param {C[]} cards @param {boolean} more whether there are still older ones
 * @returns {State<C>}
 */
export function prepend(state, cards, more) {
  const all = new Map(state.cards);
  for (const card of cards) if (!all.has(card.key)) all.set(card.key, card);
  const oldest = [...cards, ...(state.floor ? [state.floor] : [])].sort(byPlace)[0] ?? null;
  return { ...state, cards: all, floor: more ? oldest : null };
}

/**
 * Let the oldest go when a page has grown long; they can be read again.
 * @template {Placed} C @param {State<C>} state @param {number} count @returns {State<C>}
 */
export function trim(state, count) {
  if (state.cards.size <= count) return state;
  const cards = capped(state.cards, count);
  return { ...state, cards, floor: [...cards.values()].sort(byPlace)[0] };
}
