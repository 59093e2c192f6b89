// The pages' few sentences about people and answers, and the day.

/** @typedef {import('./threads.js').Thread} Thread */

/** A name in a sentence, kept from turning it round, or from ending what keeps it. @param {string} name */
export const isolated = (name) => `\u2068${name.replace(/[\u202a-\u202e\u2066-\u2069]/g, '')}\u2069`;

const ARTICLES = new Set(['the', 'a', 'an', 'der', 'die', 'das', 'le', 'la', 'les', 'el', 'los', 'las', 'il', 'lo', 'o', 'os', 'de', 'het']);

/**
 * Return what to call somebody: the first word of a name; the whole name after a title, an initial or an article, and where it
 * holds a number, as no person's does; nothing where that is long.
 * @param {HTMLElement} card @returns {string}
 */
export const callName = (card) => {
  const name = card.querySelector('[data-slot=name]')?.textContent?.trim() ?? '';
  const first = name.split(/\s+/)[0];
  const isWhole = first.length < 2 || first.endsWith('.') || ARTICLES.has(first.toLowerCase()) || /\d/.test(name);
  const called = isWhole ? name : first;
  return called.length <= 16 ? called : '';
};

/** Elements of a body whose words stand apart from those around them. */
const APART = new Set(['p', 'br', 'blockquote', 'ul', 'li']);

/** Letters of a body in one line: more than four lines of them are never seen. */
const LINE = 300;

/**
 * A body in one line: paragraphs and lines stand a space apart, and what follows a link keeps its place.
 * @param {Node | null} body @returns {string}
 */
export const lineOf = (body) => {
  /** @param {Node} node @returns {string} */
  const words = (node) => {
    const name = node.nodeName.toLowerCase();
    if (name === '#text') return node.nodeValue ?? '';
    if (name === 'img') return /** @type {HTMLImageElement} */ (node).alt;
    const inner = Array.from(node.childNodes, words).join('');
    return APART.has(name) ? ` ${inner} ` : inner;
  };
  const line = body ? words(body).replace(/\s+/g, ' ').trim() : '';
  return line.length > LINE ? `${line.slice(0, LINE).replace(/[\ud800-\udbff]$/, '')}…` : line;
};

/** @param {number} count @param {string} one @param {string} many */
const counted = (count, one, many) => `${count} ${count === 1 ? one : many}`;

/** @param {Thread} thread */
export const answers = ({ replies }) => {
  const networks = new Set(replies.map((card) => card.network)).size;
  return counted(replies.length, 'answer', 'answers') + (networks > 1 ? ` from ${networks} networks` : '');
};

/** To make one takes an engine tens of milliseconds, and it is asked every second. @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/**
 * The date in a zone as 2026-11-24. Put together from its parts: no locale writes it alike in every engine.
 * @param {string} zone @param {number} at POSIX seconds
 */
export function dateIn(zone, at) {
  const format = formats.get(zone) ?? new Intl.DateTimeFormat('en', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' });
  formats.set(zone, format);
  const parts = new Map(format.formatToParts(at * 1000).map(({ type, value }) => [type, value]));
  return `${parts.get('year')}-${parts.get('month')}-${parts.get('day')}`;
}
