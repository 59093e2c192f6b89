// Pure: what of the state a reader sees, what waits behind the pill, and who still waits for an answer.
import { byPlace } from './fold.js';
import { threads } from './threads.js';

/** @typedef {import('./card.js').Facts} Facts */

/** @param {Map<number, Facts>} cards @param {number} upTo order of the newest card let in @returns {Facts[]} */
export const shownIn = (cards, upTo) => [...cards.values()].filter((card) => card.order <= upTo);

/** @param {Map<number, Facts>} cards @param {number} upTo @returns {number} */
export const pendingIn = (cards, upTo) => cards.size - shownIn(cards, upTo).length;

/** @param {string} name @param {number} pending @returns {string} */
export const titleOf = (name, pending) => (pending ? `(${pending}) ${name}` : name);

/** @param {Map<number, Facts>} cards @param {number} count @returns {Facts[]} open questions, the latest first */
export const waitingIn = (cards, count) => threads(cards.values())
  .filter(({ head, replies }) => head.asks && !head.warned && !replies.length)
  .map(({ head }) => head).sort((a, b) => byPlace(b, a)).slice(0, count);
