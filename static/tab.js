// The tab: a reading column that keeps its place. What stands in it follows from the state alone; what has come
// since the reader scrolled away waits behind a pill.
import { newThread } from './card.js';
import { Cards, byId, keepCurrent } from './page.js';
import { Lines, served } from './folded.js';
import { byPlace, prepend, trim } from './fold.js';
import { linesIn, pendingIn, shownIn, titleOf, waitingIn } from './reading.js';
import { threads } from './threads.js';
import { callName, isolated, lineOf } from './wording.js';

/** @typedef {import('./page.js').State} State */
/** @typedef {import('./card.js').CardView} CardView */
/** @typedef {import('./threads.js').Thread} Thread */

const PAGE = 50, TRIES = 8, LONG = 1000, NEAR = 1200, TOP = 80;
const main = byId('page'), feed = byId('feed'), pill = byId('pill'), older = byId('older'), lost = byId('lost');
const isFixed = main.dataset.fixed === '1', eventName = main.dataset.title ?? '';
const servedTitle = document.title;

const cards = new Cards(/** @type {NodeListOf<HTMLElement>} */ (feed.querySelectorAll('bc-card')));
/** Conversation → its section. @type {Map<number, HTMLElement>} */
const sections = new Map();
const lines = new Lines(feed);
for (const el of feed.querySelectorAll('.thread')) {
  const first = /** @type {HTMLElement} */ (el.querySelector('bc-card'));
  sections.set(Number(first.dataset.root) || Number(first.dataset.key), /** @type {HTMLElement} */ (el));
}

/** Place of the next older posts, or empty; order of the newest card that was let in. */
let before = main.dataset.older ?? '', isReading = false, hasLost = false, upTo = Infinity, lastShown = 0;

const page = keepCurrent({
  kind: 'tab', cards, lines: served(), older: before !== '', grows: !isFixed,
  changed(state, old) {
    if (state.resets !== old.resets) {
      if (isFixed && old.cards.size) return location.reload();
      hasLost = [...old.cards.keys()].some((key) => !state.cards.has(key)) && state.floor !== null;
      upTo = Infinity;
      before = '';
    }
    if (state.cards !== old.cards || state.unseen !== old.unseen || state.lines !== old.lines) draw(state);
  },
  alive(alive) {
    lost.hidden = alive;
  },
  tick() {
    if (scrollY < TOP && page.state.cards.size > LONG) page.become(trim(page.state, LONG / 2));
  },
});

/** @returns {boolean} whether what comes may appear at once: the reader looks, and looks at the top */
const isAtTop = () => scrollY < TOP && document.visibilityState === 'visible';

/** @param {State} state */
function draw(state) {
  if (isAtTop()) upTo = Infinity;
  else if (upTo === Infinity) upTo = lastShown;
  const shown = shownIn(state.cards, upTo);
  keepPlace(() => {
    cards.take(state.cards);
    drawRows(threads(shown), isFixed ? [] : linesIn(state.lines, state.floor));
  });
  lastShown = shown.reduce((top, card) => Math.max(top, card.order), 0);
  const pending = isFixed ? state.unseen : pendingIn(state.cards, upTo);
  pill.hidden = !pending;
  pill.textContent = `${pending} new ${pending === 1 ? 'post' : 'posts'}`;
  document.title = isFixed ? servedTitle : titleOf(eventName, pending);
  older.hidden = !before && !state.floor;
  older.textContent = hasLost ? 'Load the earlier posts again' : 'Earlier posts';
  const first = document.getElementById('first');
  if (first) first.hidden = shown.length > 0;
  drawWaiting(state);
}

/** Conversations and folded lines, the latest first. @param {Thread[]} wanted @param {import('./fold.js').Line[]} folded */
function drawRows(wanted, folded) {
  const ids = new Set(wanted.map(({ id }) => id));
  for (const [id, section] of sections) {
    if (ids.has(id)) continue;
    section.remove();
    sections.delete(id);
  }
  const elements = lines.take(folded);
  const rows = [
    ...wanted.map((thread) => ({ place: thread.last, el: sectionOf(thread) })),
    ...folded.map((line) => ({ place: line, el: /** @type {HTMLElement} */ (elements.get(line.key)) })),
  ].sort((a, b) => byPlace(b.place, a.place));
  let next = feed.firstElementChild;
  for (const { el } of rows) {
    if (el === next) next = next.nextElementSibling;
    else feed.insertBefore(el, next);
  }
}

/** The section of a conversation, with its cards in it. @param {Thread} thread @returns {HTMLElement} */
function sectionOf({ id, head, replies }) {
  let section = sections.get(id);
  if (!section) {
    const made = newThread();
    made.head.remove();
    sections.set(id, section = made.el);
  }
  const spine = /** @type {HTMLElement} */ (section.querySelector(':scope > .spine')), top = cards.get(head.key);
  const items = replies.map(({ key }) => {
    const el = cards.get(key), item = el.parentElement?.localName === 'li' ? el.parentElement : document.createElement('li');
    if (el.parentElement !== item) item.append(el);
    return item;
  });
  if (section.firstElementChild !== top) section.prepend(top);
  for (const el of section.querySelectorAll(':scope > bc-card')) if (el !== top) el.remove();
  if (items.length !== spine.children.length || items.some((item, i) => spine.children[i] !== item)) spine.replaceChildren(...items);
  spine.hidden = !items.length;
  return section;
}

/**
 * Change the page without moving what is being read: engines differ in what they keep still, so none is asked to.
 * @param {() => void} change
 */
function keepPlace(change) {
  const marks = scrollY < 1 ? [] : Array.from(cards.elements.values(), (el) => ({ el, box: el.getBoundingClientRect() }))
    .filter(({ el, box }) => el.isConnected && box.bottom > 0 && box.top < innerHeight).sort((a, b) => a.box.top - b.box.top);
  change();
  const mark = marks.find(({ el }) => el.isConnected);
  if (mark) scrollBy({ top: mark.el.getBoundingClientRect().top - mark.box.top, behavior: 'instant' });
}

/** Questions nobody has answered, beside the column. @param {State} state */
function drawWaiting(state) {
  const list = byId('waiting'), open = waitingIn(state.cards, 3);
  byId('wait').hidden = !open.length || isFixed;
  list.replaceChildren(...open.map(({ key }) => {
    const card = cards.get(key), item = document.createElement('li'), link = document.createElement('a');
    const words = document.createElement('p'), small = document.createElement('small');
    words.dir = 'auto';
    words.textContent = lineOf(card.querySelector('[data-slot=body]'));
    link.href = `#${card.id}`;
    const name = callName(card);
    link.textContent = name ? `Answer ${isolated(name)}` : 'Answer';
    const time = card.querySelector('[data-slot=time]')?.cloneNode(true);
    small.dataset.date = card.dataset.date ?? '';
    small.append('since ', ...(time ? [time] : []));
    for (const el of small.querySelectorAll('[data-slot]')) el.removeAttribute('data-slot');
    item.append(words, link, small);
    return item;
  }));
}

/** Read on where the page ends. */
async function readOlder() {
  if (isReading || isFixed || (!before && !page.state.floor)) return;
  isReading = true;
  feed.setAttribute('aria-busy', 'true');
  try {
    for (let tries = 0; tries < TRIES && !await readPage(); tries += 1);
  } catch {
    // The link stays, and the next scroll or click asks again.
  }
  feed.setAttribute('aria-busy', 'false');
  isReading = false;
}

/** @returns {Promise<boolean>} whether it brought something; else it must be asked again */
async function readPage() {
  const asked = before, query = new URLSearchParams({ limit: String(PAGE), folded: '0', ...(asked && { before: asked }) });
  const response = await fetch(`/api/v1/posts?${query}`, { headers: { accept: 'application/json' } });
  if (!response.ok) throw new Error(`history answers ${response.status}`);
  const { epoch, seq, posts, next } = await response.json();
  const { state } = page;
  if (asked !== before || epoch !== state.epoch || seq < state.seq) return false;
  before = next ?? '';
  const views = /** @type {{card: CardView}[]} */ (posts).map(({ card }) => card).filter((card) => !state.cards.has(card.key));
  hasLost = hasLost && before !== '' && !views.length;
  page.become(prepend(state, views.map((view) => cards.put(view)), before !== ''));
  return views.length > 0 || !before;
}

older.addEventListener('click', (event) => {
  if (isFixed) return;
  event.preventDefault();
  readOlder();
});
pill.addEventListener('click', (event) => {
  if (isFixed) return;
  event.preventDefault();
  scrollTo({ top: 0, behavior: 'instant' });
  feed.focus({ preventScroll: true });
  draw(page.state);
});
addEventListener('scroll', () => {
  if (upTo !== Infinity && isAtTop()) draw(page.state);
  if (!hasLost && older.getBoundingClientRect().top < innerHeight + NEAR) readOlder();
}, { passive: true });
document.addEventListener('visibilitychange', () => {
  if (upTo !== Infinity && isAtTop()) draw(page.state);
});

/** @param {number} step */
function walk(step) {
  const all = /** @type {HTMLElement[]} */ ([...feed.querySelectorAll('bc-card')]);
  const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement?.closest('bc-card')));
  const first = all.findIndex((el) => el.getBoundingClientRect().bottom > TOP);
  const target = all[at < 0 ? first : at + step];
  target?.focus({ preventScroll: true });
  target?.scrollIntoView({ block: 'nearest' });
}

addEventListener('keydown', (event) => {
  const isTyping = event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey;
  if (isTyping) return;
  if (event.key === 'j') walk(1);
  else if (event.key === 'k') walk(-1);
  else if (event.key === '/') byId('search').focus();
  else return;
  event.preventDefault();
});

lastShown = Math.max(0, ...Array.from(page.state.cards.values(), (card) => card.order));
draw(page.state);
