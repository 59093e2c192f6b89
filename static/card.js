// A card's element. `fill` is total and idempotent: any card (cloned, served, or filled before) ends equal to
// the served card of that post. Nothing is ever parsed from text; unknown kinds are errors, never elements.

/**
 * @typedef {{t: string, c?: Tree, href?: string, src?: string, alt?: string, own?: boolean}} BodyNode
 * @typedef {(string | BodyNode)[]} Tree
 * @typedef {{kind: 'image' | 'moving' | 'words', src: string, alt: string, w: number, h: number, label: string, url: string}} Medium
 * @typedef {{url: string, name: string, meta: string, warning: string, body: Tree, media: Medium[]}} Quote
 * @typedef {{
 *   key: number, order: number, kind: 'card', clearance: string, network: string, lang: string, url: string,
 *   author: {name: string, handle: string, short: string, home: string, url: string, avatar: string, initials: string},
 *   meta: string,
 *   time: {iso: string, text: string, day: string, month: string, date: string}, at: number,
 *   warning: string, sensitive: boolean, body: Tree, tags: string, media: Medium[], poll: string[],
 *   preview: {url: string, title: string, host: string, src: string}, quote: Quote,
 *   rest: {poll: string, media: string, body: string}, begins: string,
 *   parent: number, root: number, words: number, asks: boolean, ems: number, lines: number, empty: boolean, heavy: number
 * }} CardView
 * @typedef {{
 *   key: number, order: number, parent: number, root: number, at: number, words: number, asks: boolean, warned: boolean,
 *   network: string, ems: number, lines: number, empty: boolean
 * }} Facts
 *   what a layout needs to know of a card; `ems` and `lines` are the least room of its text, see `room.js`
 */

const TAGS = new Map(Object.entries({
  br: 'br', wbr: 'wbr', em: 'em', strong: 'strong', code: 'code', link: 'a', mention: 'a', hashtag: 'a', emoji: 'img',
  quote: 'blockquote', list: 'ul', item: 'li', paragraph: 'p',
}));

/** @param {string} id @returns {HTMLElement} the one element of a served <template> */
const clone = (id) => {
  const template = document.getElementById(id);
  const first = template instanceof HTMLTemplateElement ? template.content.firstElementChild : null;
  if (!first) throw new Error(`the page has no <template id="${id}">`);
  return /** @type {HTMLElement} */ (document.importNode(first, true));
};

/** @param {Element} el @returns {Record<string, HTMLElement>} */
const slots = (el) => Object.fromEntries(Array.from(
  /** @type {NodeListOf<HTMLElement>} */ (el.querySelectorAll('[data-slot]')), (e) => [e.dataset.slot ?? '', e]));

/** @template {Element} E @param {E} el @param {Record<string, string | number>} attributes @returns {E} */
const set = (el, attributes) => {
  for (const [name, value] of Object.entries(attributes)) el.setAttribute(name, String(value));
  return el;
};

/** @param {HTMLElement} el @param {string} text */
const say = (el, text) => { el.textContent = text; el.hidden = !text; };

/** @param {Tree} tree @returns {Node[]} */
export const nodes = (tree) => tree.map((n) => {
  if (typeof n === 'string') return document.createTextNode(n);
  const tag = TAGS.get(n.t);
  if (!tag) throw new TypeError(`unknown body node ${n.t}`);
  const el = document.createElement(tag);
  if (tag === 'a') {
    set(el, { class: n.own ? `${n.t} own` : n.t, dir: 'auto' });
    if (n.href) set(el, { href: n.href, rel: 'nofollow ugc noopener' });
  }
  if (n.t === 'emoji') set(el, { class: 'emoji', src: n.src ?? '', alt: n.alt ?? '', title: n.alt ?? '' });
  el.append(...nodes(n.c ?? []));
  return el;
});

/** @param {HTMLElement} el @param {Tree} tree */
const write = (el, tree) => { el.replaceChildren(...nodes(tree)); el.normalize(); };

/** @param {string} src @param {Record<string, string>} [more] */
const picture = (src, more = {}) => set(document.createElement('img'), { src, alt: '', ...more });

/** @param {Medium} m @returns {HTMLElement} */
const medium = (m) => {
  const el = clone(`tpl-${m.kind}`), s = slots(el);
  if (s.src) set(s.src, { src: m.src, alt: m.alt, width: m.w, height: m.h });
  if (s.play) set(s.play, { href: m.url });
  if (s.label) s.label.textContent = m.label;
  say(s.alt, m.alt);
  return el;
};

/** @param {string} text @returns {HTMLElement} */
const option = (text) => {
  const el = clone('tpl-option');
  slots(el).text.textContent = text;
  return el;
};

/** @param {Record<string, HTMLElement>} s @param {CardView} p */
const fillHeader = (s, p) => {
  s.avatar.replaceChildren(p.author.avatar ? picture(p.author.avatar) : p.author.initials);
  set(s.who, { href: p.author.url });
  s.name.textContent = p.author.name;
  s.handle.hidden = !p.author.handle;
  say(s.short, p.author.short);
  s.home.textContent = p.author.home;
  s.meta.textContent = p.meta;
  set(s.permalink, { href: p.url });
  set(s.time, { datetime: p.time.iso });
  s.day.textContent = p.time.day;
  s.month.textContent = ` ${p.time.month}`;
  s.clock.textContent = p.time.text;
};

/** @param {Record<string, HTMLElement>} s @param {Quote} q */
const fillQuote = (s, q) => {
  s.quote.hidden = !q.name;
  set(s.quoteWho, { href: q.url });
  s.quoteName.textContent = q.name;
  s.quoteMeta.textContent = q.meta;
  say(s.quoteWarning, q.warning);
  write(s.quoteBody, q.body);
  s.quoteMedia.replaceChildren(...q.media.map(medium));
  s.quoteMedia.hidden = !q.media.length;
};

/**
 * Make any card the card of this post.
 * @param {Element} el @param {CardView} p @returns {Element}
 */
export function fill(el, p) {
  const s = slots(el);
  set(el, {
    id: `c${p.key}`, 'data-key': p.key, 'data-order': p.order, 'data-parent': p.parent, 'data-root': p.root, 'data-at': p.at,
    'data-words': p.words, 'data-asks': p.asks ? 1 : 0, 'data-date': p.time.date, 'data-network': p.network,
    'data-warned': p.warning ? 1 : 0, 'data-clearance': p.clearance,
    'data-ems': p.ems, 'data-lines': p.lines, 'data-empty': p.empty ? 1 : 0, 'data-heavy': p.heavy,
  });
  fillHeader(s, p);
  s.cover.toggleAttribute('open', !p.warning);
  s.summary.hidden = !p.warning;
  s.warning.textContent = p.warning;
  s.whole.toggleAttribute('open', !p.begins);
  s.wholeSummary.hidden = !p.begins;
  set(s.begins, { lang: p.lang }).textContent = p.begins;
  set(s.say, { lang: p.lang });
  write(s.body, p.body);
  say(s.tags, p.tags);
  set(s.restBody, { href: p.url }).textContent = p.rest.body;
  s.rest.hidden = !p.rest.body;
  s.poll.replaceChildren(...p.poll.map(option));
  s.poll.hidden = !p.poll.length;
  say(s.restPoll, p.rest.poll);
  s.veil.hidden = !p.media.length;
  s.veil.toggleAttribute('open', !p.sensitive);
  s.veilSummary.hidden = !p.sensitive;
  s.media.replaceChildren(...p.media.map(medium));
  say(s.restMedia, p.rest.media);
  set(s.preview, { href: p.preview.url });
  s.preview.hidden = !p.preview.url;
  s.thumb.hidden = !p.preview.src;
  s.thumb.replaceChildren(...(p.preview.src ? [picture(p.preview.src, { loading: 'lazy' })] : []));
  s.title.textContent = p.preview.title;
  s.host.textContent = p.preview.host;
  fillQuote(s, p.quote);
  return el;
}

/** @param {CardView} p @returns {HTMLElement} a new card */
export const card = (p) => /** @type {HTMLElement} */ (fill(clone('tpl-card'), p));

/** @returns {{el: HTMLElement, head: HTMLElement, spine: HTMLElement}} an empty thread, its first card's place and its list */
export const newThread = () => {
  const el = clone('tpl-thread');
  const head = /** @type {HTMLElement} */ (el.querySelector(':scope > bc-card'));
  return { el, head, spine: /** @type {HTMLElement} */ (el.querySelector(':scope > .spine')) };
};

/** @param {CardView} root @param {CardView[]} replies @returns {HTMLElement} */
export const thread = (root, replies) => {
  const { el, head, spine } = newThread();
  fill(head, root);
  spine.replaceChildren(...replies.map((reply) => {
    const item = document.createElement('li');
    item.append(card(reply));
    return item;
  }));
  spine.hidden = !replies.length;
  return el;
};

/** @param {HTMLElement} el a served card @returns {Facts} */
export const factsOf = (el) => {
  const d = el.dataset;
  return {
    key: Number(d.key), order: Number(d.order), parent: Number(d.parent), root: Number(d.root), at: Number(d.at),
    words: Number(d.words), asks: d.asks === '1', warned: d.warned === '1', network: d.network ?? '',
    ems: Number(d.ems), lines: Number(d.lines), empty: d.empty === '1',
  };
};

/** @param {CardView} p @returns {Facts} */
export const factsIn = (p) => ({
  key: p.key, order: p.order, parent: p.parent, root: p.root, at: p.at, words: p.words, asks: p.asks, warned: !!p.warning,
  network: p.network, ems: p.ems, lines: p.lines, empty: p.empty,
});
