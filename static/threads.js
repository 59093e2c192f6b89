// Pure: cards → conversations. The server groups its first page in the same way (`threads` in pages.py).
import { byPlace } from './fold.js';

/** @typedef {import('./card.js').Facts} Facts */
/** @typedef {{id: number, head: Facts, replies: Facts[], last: Facts}} Thread `last`: its latest word */

/** @param {Facts} card @returns {number} the conversation it belongs to */
export const threadOf = (card) => card.root || card.key;

/**
 * A conversation hangs on the post it began with, or on its oldest card where that post is not here.
 * @param {Iterable<Facts>} cards
 * @returns {Thread[]} the one with the latest word first
 */
export function threads(cards) {
  /** @type {Map<number, Facts[]>} */
  const groups = new Map();
  for (const card of [...cards].sort(byPlace)) {
    const group = groups.get(threadOf(card));
    if (group) group.push(card);
    else groups.set(threadOf(card), [card]);
  }
  return Array.from(groups, ([id, group]) => {
    const head = group.find((card) => card.key === id) ?? group[0];
    return { id, head, replies: group.filter((card) => card !== head), last: group[group.length - 1] };
  }).sort((a, b) => byPlace(b.last, a.last));
}
