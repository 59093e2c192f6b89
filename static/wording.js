// The pages' few sentences about people and answers, and the day.

/** @typedef {import('./threads.js').Thread} Thread */

/** A name in a sentence, kept from turning it round. @param {string} name */
export const isolated = (name) => `\u2068${name}\u2069`;

/**
 * What to call somebody: the first word of a name, the whole name after a title or an initial; nothing where it is long.
 * @param {HTMLElement} card @returns {string}
 */
export const callName = (card) => {
  const name = card.querySelector('[data-slot=name]')?.textContent?.trim() ?? '';
  const first = name.split(/\s+/)[0];
  const called = first.length < 2 || first.endsWith('.') ? name : first;
  return called.length <= 16 ? called : '';
};

/** @param {number} count @param {string} one @param {string} many */
const counted = (count, one, many) => `${count} ${count === 1 ? one : many}`;

/** @param {Thread} thread */
export const answers = ({ replies }) => {
  const networks = new Set(replies.map((card) => card.network)).size;
  return counted(replies.length, 'answer', 'answers') + (networks > 1 ? ` from ${networks} networks` : '');
};

/**
 * The date in a zone as 2026-11-24. Put together from its parts: no locale writes it alike in every engine.
 * @param {string} zone @param {number} at POSIX seconds
 */
export function dateIn(zone, at) {
  const format = new Intl.DateTimeFormat('en', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' });
  const parts = new Map(format.formatToParts(at * 1000).map(({ type, value }) => [type, value]));
  return `${parts.get('year')}-${parts.get('month')}-${parts.get('day')}`;
}
