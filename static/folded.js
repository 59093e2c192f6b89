// The lines that stand for folded posts: read from the served page, drawn anew from what the stream says.

/** @typedef {import('./fold.js').Line} Line */

/** @param {ParentNode} from @returns {HTMLElement[]} */
const all = (from) => Array.from(from.querySelectorAll('.folded'));

/** @param {string} id @returns {DocumentFragment} */
const contentOf = (id) => {
  const template = document.getElementById(id);
  if (!(template instanceof HTMLTemplateElement)) throw new Error(`the page has no <template id="${id}">`);
  return template.content;
};

/** @param {HTMLElement} el @returns {Line} */
const lineIn = (el) => ({
  key: Number(el.dataset.key), order: Number(el.dataset.order), count: Number(el.dataset.count),
  name: el.querySelector('[data-slot=name]')?.textContent ?? '',
});

/** @param {HTMLElement} el @param {Line} line @returns {HTMLElement} */
function fill(el, { key, order, count, name }) {
  /** @param {string} slot */
  const at = (slot) => /** @type {HTMLElement} */ (el.querySelector(`[data-slot=${slot}]`));
  for (const [word, value] of Object.entries({ key, order, count })) el.dataset[word] = String(value);
  at('link').setAttribute('href', `/?by=${key}`);
  at('count').textContent = String(count);
  at('name').textContent = name;
  return el;
}

/** @returns {Line[]} all lines that the page was served with, also those whose place is in the history */
export const served = () => all(contentOf('tpl-folds')).map(lineIn);

/** An element for each author, wherever it stands. */
export class Lines {
  /** @param {ParentNode} feed */
  constructor(feed) {
    this.elements = new Map(all(feed).map((el) => [Number(el.dataset.key), el]));
  }

  /** The elements of these lines; all others go. @param {Line[]} lines @returns {Map<number, HTMLElement>} */
  take(lines) {
    const keys = new Set(lines.map(({ key }) => key));
    for (const [key, el] of this.elements) {
      if (keys.has(key)) continue;
      el.remove();
      this.elements.delete(key);
    }
    for (const line of lines) {
      const el = this.elements.get(line.key) ?? all(contentOf('tpl-folded'))[0].cloneNode(true);
      this.elements.set(line.key, fill(/** @type {HTMLElement} */ (el), line));
    }
    return this.elements;
  }
}
