// Pure: what of the state a reader sees, what waits behind the pill, and who still waits for an answer.
import { byPlace } from './fold.js';
import { threads } from './threads.js';

/** @typedef {import('./card.js').Facts} Facts */

/** @param {Map<number, Facts>} cards @param {number} upTo order of the newest card let in @returns {Facts[]} */
export const shownIn = (cards, upTo) => [...cards.values()].filter((card) => card.order <= upTo);

/** @param {Map<number, Facts>} cards @param {number} upTo @returns {number} */
export const pendingIn = (cards, upTo) => cards.size - shownIn(cards, upTo).length;

/**
 * The folded lines that stand on the page: one older than all that is loaded comes with the history.
 * @param {import('./fold.js').Line[]} lines @param {import('./fold.js').Placed | null} floor
 */
export const linesIn = (lines, floor) => lines.filter((line) => !floor || byPlace(line, floor) > 0);

/** @param {string} name @param {number} pending @returns {string} */
export const titleOf = (name, pending) => (pending ? `(${pending}) ${name}` : name);

/** @param {Map<number, Facts>} cards @param {number} count @returns {Facts[]} open questions, the latest first */
export const waitingIn = (cards, count) => threads(cards.values())
  .filter(({ head, replies }) => head.asks && !head.warned && !replies.length)
  .map(({ head }) => head).sort((a, b) => byPlace(b, a)).slice(0, count);
