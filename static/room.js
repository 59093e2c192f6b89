// Pure: what can never fit is known before it is laid out, since laying out is what costs. The server says how much room
// a text needs at least (`ems`, `lines`), so nothing that fits is ever refused here.

/** @typedef {import('./card.js').Facts} Facts */
/** @typedef {{width: number, height: number}} Box in units: % of the window's shorter side, as type is */

/** Lines stand no closer than this on any stage. */
const LEADING = 1.05;

/** @param {number} width of the window in pixels @param {number} height @returns {number} pixels of a unit, as in wall.css */
export const unitOf = (width, height) => Math.max(Math.min(width, height) / 100, 5.2);

/**
 * Tell whether a text may fit a place in letters of this size.
 * @param {{ems: number, lines: number}} text @param {Box} box an unknown one, of no width, refuses nothing
 * @param {number} size in units
 */
export const mayFit = ({ ems, lines }, { width, height }, size) => !width
  || Math.max(lines, (ems * size) / width) * size * LEADING <= height;

/**
 * The greatest of these sizes that fits, found in few tries: the smallest first, since what does not fit there fits nowhere.
 * @param {number[]} sizes the greatest first @param {(size: number) => boolean} fits
 * @returns {number | null}
 */
export function greatest(sizes, fits) {
  let low = sizes.length - 1, high = -1;
  if (low < 0 || !fits(sizes[low])) return null;
  while (low - high > 1) {
    const middle = (low + high) >> 1;
    if (fits(sizes[middle])) low = middle;
    else high = middle;
  }
  return sizes[low];
}
