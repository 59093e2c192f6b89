// Draws the wall's stage: places cards, measures, and lets type follow the room there is. A text that does not fit at
// the smallest size is not shown; none is ever cut.
import { byId } from './page.js';
import { greatest, mayFit, unitOf } from './room.js';
import { answers, callName, isolated } from './wording.js';

/** @typedef {import('./threads.js').Thread} Thread */
/** @typedef {import('./layout.js').Slot} Slot */
/** @typedef {import('./card.js').Facts} Facts */
/** @typedef {import('./room.js').Box} Box */
/** @typedef {import('./page.js').Cards} Cards */

/** Sizes of the first text of the lead, in units (% of the shorter side). */
const SOLO = [10, 9, 8, 7, 6.2, 5.4, 4.8, 4.2, 3.8, 3.4];
const SINGLE = [7.4, 6.7, 6, 5.4, 4.8, 4.2, 3.8, 3.4];
const TALK = [6, 5.5, 5, 4.6, 4.2, 3.8, 3.4];
const ASKED = [10.2, 9.2, 8.2, 7.2, 6.2, 5.4, 4.8, 4.2, 3.7];
/** The ways in which the column is tried, for each number of posts: with smaller pictures first, then in smaller letters, too. */
const BESIDE = [
  { say: 3.75, photo: 25 }, { say: 3.75, photo: 20 }, { say: 3.75, photo: 16 }, { say: 3.75, photo: 13 },
  { say: 3.3, photo: 16 }, { say: 3.3, photo: 13 },
];
/** A first post is larger than its answers as long as any answer fits below it. */
const LARGE = 4.6;
const SLACK = 1;
/** So many latest answers may be too long to be shown; after the first that fits none is left out between two. */
const MISSES = 8;
/** No type on any stage is smaller. */
const LEAST = 3.3;

const calm = matchMedia('(prefers-reduced-motion: reduce)');

/** @param {Element} el @param {Keyframe[]} frames @param {number} ms @param {number} [delay] until others have made room */
const move = (el, frames, ms, delay = 0) => {
  if (!calm.matches) el.animate(frames, { duration: ms, delay, fill: 'backwards', easing: 'cubic-bezier(.2, .7, .2, 1)' });
};
const IN = [{ opacity: 0, transform: 'translateY(1.6vmin)' }, { opacity: 1, transform: 'none' }];

/** @param {Element} el */
const fits = (el) => el.scrollHeight <= el.clientHeight + SLACK && el.scrollWidth <= el.clientWidth + SLACK;

/** @param {Element} el @returns {Box} */
const boxOf = ({ clientWidth, clientHeight }) => {
  const unit = unitOf(innerWidth, innerHeight);
  return { width: clientWidth / unit, height: clientHeight / unit };
};

/** Tell whether a text may fit this window at all, on any stage and in any mode. @param {Facts} card */
export const mayStand = (card) => mayFit(card, boxOf(document.documentElement), LEAST);

/** Tell whether the words of a large question come too close to who asks it. @param {HTMLElement} card */
const overlaps = (card) => {
  const words = card.querySelector('.cover'), asker = card.querySelector('.avatar');
  if (!words || !asker) return false;
  const { top, height } = asker.getBoundingClientRect();
  return words.getBoundingClientRect().bottom > top - height * 0.22;
};

/** @param {string} name @param {string} [text] @param {string} [className] */
const make = (name, text = '', className = '') => {
  const el = document.createElement(name);
  if (text) el.textContent = text;
  if (className) el.className = className;
  return el;
};

/** @param {Element} el @returns {number} */
const keyOf = (el) => Number(/** @type {HTMLElement} */ (el).dataset.key);

/**
 * In which order a conversation is tried: with two of its latest answers, with one, and only then in letters smaller than
 * its answers'; then without the latest, if these are too long; then alone.
 * @param {number[]} sizes @param {number} count of answers
 * @returns {{size: number, least: number, misses: number}[]}
 */
function tries(sizes, count) {
  const groups = [sizes.filter((size) => size >= LARGE), sizes.filter((size) => size < LARGE)];
  const some = [2, 1].filter((least) => least <= count);
  return [
    ...groups.flatMap((group) => some.flatMap((least) => group.map((size) => ({ size, least, misses: 1 })))),
    ...(count ? [{ size: sizes[sizes.length - 1], least: 1, misses: MISSES }] : []),
    ...sizes.map((size) => ({ size, least: 0, misses: 1 })),
  ];
}

export class Stage {
  /** @param {Cards} cards */
  constructor(cards) {
    this.cards = cards;
    this.pool = byId('pool');
    this.river = byId('river');
    this.lead = byId('lead');
    this.talk = byId('talk');
    this.column = byId('column');
    this.side = byId('side');
  }

  /** Every card back into the pool, newest first. @param {Iterable<number>} keys newest first */
  clear(keys) {
    this.pool.append(...Array.from(keys, (key) => this.cards.get(key)));
    this.talk.replaceChildren();
    this.column.replaceChildren();
    byId('asker').replaceChildren();
  }

  /**
   * The conversation in focus, with as many of its latest answers as fit.
   * @param {Thread} thread @param {boolean} isNew
   * @returns {number[] | null} keys shown, or null: it does not fit at any size
   */
  drawLead(thread, isNew) {
    const alone = this.river.dataset.side === '0', talks = thread.replies.length > 0;
    const sizes = talks ? (alone ? SOLO.slice(1) : TALK) : alone ? SOLO : SINGLE;
    const before = this.shownInLead(), box = boxOf(this.lead);
    this.describe(thread);
    const top = greatest(sizes.filter((size) => mayFit(thread.head, box, size)), (size) => this.placeHead(thread, size));
    if (top === null) return this.clearLead();
    for (const { size, least, misses } of tries(sizes.filter((size) => size <= top), thread.replies.length)) {
      const keys = this.placeTalk(thread, size, misses);
      if (!keys || keys.length <= least) continue;
      if (isNew) move(this.lead, IN, 900);
      else for (const el of this.talk.querySelectorAll('bc-card')) if (!before.includes(keyOf(el))) move(el, IN, 900);
      return keys;
    }
    return this.clearLead();
  }

  /** @returns {null} nothing stands there, and nothing that did not fit is left */
  clearLead() {
    this.pool.append(...this.talk.querySelectorAll('bc-card'));
    this.talk.replaceChildren();
    return null;
  }

  /**
   * The conversation that stands there, while it is held: nothing in it moves; an answer that has room is added.
   * @param {Thread} thread
   * @returns {number[] | null} keys shown, or null: what stands there does not fit any more
   */
  extendLead(thread) {
    const all = [thread.head, ...thread.replies], before = this.shownInLead();
    if (before[0] !== thread.head.key) return null;
    const stood = all.filter(({ key }) => before.includes(key)), last = stood[stood.length - 1];
    const newer = (stood.length > 1 ? all.slice(all.indexOf(last) + 1) : thread.replies).filter((card) => this.mayAnswer(card));
    this.describe(thread);
    for (const turns of newer.length ? [[...stood, ...newer], stood] : [stood]) {
      this.pool.append(...this.talk.querySelectorAll('bc-card'));
      this.talk.replaceChildren(...turns.map(({ key }) => this.turn(key)));
      if (!fits(this.lead)) continue;
      for (const el of this.talk.querySelectorAll('bc-card')) if (!before.includes(keyOf(el))) move(el, IN, 900);
      return turns.map(({ key }) => key);
    }
    return null;
  }

  /** @returns {number[]} */
  shownInLead() {
    return Array.from(this.talk.querySelectorAll('bc-card'), keyOf);
  }

  /** @param {Thread} thread */
  describe(thread) {
    const talks = thread.replies.length > 0;
    this.lead.dataset.talks = talks ? '1' : '0';
    byId('count').textContent = talks ? `${answers(thread)}.` : '';
    byId('ask').textContent = talks ? 'Add yours' : this.invitation(thread.head.key);
  }

  /** @param {number} key */
  turn(key) {
    const item = make('li', '', 'turn');
    item.append(this.cards.get(key));
    return item;
  }

  /** @param {number} key */
  invitation(key) {
    const name = callName(this.cards.get(key));
    return name ? `Answer ${isolated(name)}` : 'Answer this';
  }

  /** Tell whether an answer has anything to show, and may have room. @param {Facts} card */
  mayAnswer(card) {
    return !card.empty && mayFit(card, boxOf(this.lead), LEAST);
  }

  /** @param {Thread} thread @param {number} size @returns {boolean} whether its first post fits by itself */
  placeHead(thread, size) {
    this.lead.style.setProperty('--lead-say', String(size));
    this.pool.append(...this.talk.querySelectorAll('bc-card'));
    this.talk.replaceChildren(this.turn(thread.head.key));
    return fits(this.lead);
  }

  /**
   * @param {Thread} thread @param {number} size @param {number} misses so many of the latest answers that do not fit end it
   * @returns {number[] | null} keys that fit at this size
   */
  placeTalk(thread, size, misses) {
    if (!this.placeHead(thread, size)) return null;
    const keys = [];
    let left = misses;
    for (const { key } of thread.replies.filter((card) => this.mayAnswer(card)).reverse()) {
      const item = this.turn(key);
      this.talk.children[0].after(item);
      if (!fits(this.lead)) {
        this.pool.append(this.cards.get(key));
        item.remove();
        if (!keys.length && (left -= 1) > 0) continue;
        break;
      }
      keys.unshift(key);
    }
    return [thread.head.key, ...keys];
  }

  /**
   * The column: what fits of it, newest on top. Places that stay are not touched; what comes in pushes them down slowly.
   * @param {Slot[]} slots @param {(key: number) => Thread | undefined} threadOf
   * @returns {{slots: Slot[], tooLong: number | null}}
   */
  drawColumn(slots, threadOf) {
    const places = new Map(Array.from(this.column.children, (el) => [/** @type {HTMLElement} */ (el).dataset.of ?? '', /** @type {HTMLElement} */ (el)]));
    const tops = new Map(Array.from(places, ([key, el]) => [key, el.getBoundingClientRect().top]));
    this.pool.append(...this.column.querySelectorAll('bc-card'));
    const items = slots.map((slot) => this.placeSlot(places.get(String(slot.key)), slot.key, threadOf(slot.key)));
    const newest = slots.length ? threadOf(slots[0].key)?.head : undefined;
    if (newest && !(mayFit(newest, boxOf(this.side), LEAST) && this.fitAlone(items[0]))) {
      for (const item of items) this.pool.append(...item.querySelectorAll('bc-card'));
      this.column.replaceChildren();
      return { slots: slots.slice(1), tooLong: slots[0].key };
    }
    this.fitColumn(items);
    const standing = items.slice(0, this.column.children.length), stay = standing.some((el) => tops.has(el.dataset.of ?? ''));
    for (const el of standing) {
      const top = tops.get(el.dataset.of ?? '');
      if (top === undefined) move(el, IN, 900, stay ? 500 : 0);
      else move(el, [{ transform: `translateY(${top - el.getBoundingClientRect().top}px)` }, { transform: 'none' }], 900);
    }
    return { slots: slots.slice(0, this.column.children.length), tooLong: null };
  }

  /** Tell whether the newest post has room by itself, if need be in smaller type. @param {HTMLElement} first */
  fitAlone(first) {
    const more = byId('more');
    more.hidden = false; // its line needs room, whether it stands there now or later
    more.textContent ||= '0';
    this.sizeColumn(BESIDE[BESIDE.length - 1]);
    this.column.replaceChildren(first);
    return fits(this.side);
  }

  /** @param {{say: number, photo: number}} size */
  sizeColumn({ say, photo }) {
    this.side.style.setProperty('--slot-say', String(say));
    this.side.style.setProperty('--slot-photo', `calc(${photo} * var(--u))`);
  }

  /** Drop from below what does not fit; sizes give way so that a second post may stand. @param {HTMLElement[]} items */
  fitColumn(items) {
    this.sizeColumn(BESIDE[BESIDE.length - 1]);
    const most = this.countThatFit(items);
    const tries = (most > 1 ? [2, 1] : [1]).flatMap((wanted) => BESIDE.map((size) => ({ wanted: Math.min(wanted, items.length), size })));
    tries.some(({ wanted, size }) => {
      this.sizeColumn(size);
      this.column.replaceChildren(...items.slice(0, this.countThatFit(items)));
      while (!fits(this.side) && this.column.children.length > 1) this.column.lastElementChild?.remove();
      return this.column.children.length >= wanted && fits(this.side);
    });
    for (const item of items) if (!item.isConnected) this.pool.append(...item.querySelectorAll('bc-card'));
  }

  /** Count how many of these stand above the end of the column, by one look at all of them. @param {HTMLElement[]} items */
  countThatFit(items) {
    this.column.replaceChildren(...items);
    const floor = this.side.getBoundingClientRect().bottom;
    return Math.max(1, items.filter((item) => (item.firstElementChild ?? item).getBoundingClientRect().bottom <= floor).length);
  }

  /** @param {HTMLElement | undefined} old @param {number} key @param {Thread | undefined} thread */
  placeSlot(old, key, thread) {
    const item = old ?? make('li', '', 'slot');
    item.dataset.of = String(key);
    const talked = thread?.replies.length ? make('p', answers(thread), 'answers') : null;
    item.replaceChildren(this.cards.get(key), ...(talked ? [talked] : []));
    return item;
  }

  /**
   * Draw one post, very large, with a line from who wrote it to the empty seat.
   * @param {Facts} facts @param {boolean} waits whether it is a question nobody has answered
   * @returns {boolean} whether it fits
   */
  drawQuestion(facts, waits) {
    const asker = byId('asker'), card = this.cards.get(facts.key);
    const isNew = card.parentElement !== asker;
    this.pool.append(...asker.querySelectorAll('bc-card'));
    asker.replaceChildren(card);
    const time = card.querySelector('[data-slot=time]')?.cloneNode(true);
    const label = byId('since');
    label.classList.toggle('waits', waits);
    label.dataset.date = card.dataset.date ?? '';
    label.replaceChildren(waits ? 'Still waiting for an answer, since ' : 'The last word so far, ', ...(time ? [time] : []));
    for (const el of label.querySelectorAll('[data-slot]')) el.removeAttribute('data-slot');
    const name = callName(card);
    byId('call').textContent = name ? `Answer ${isolated(name)} here` : 'Answer here';
    /** @param {number} size */
    const draw = (size) => {
      asker.style.setProperty('--say', String(size));
      return fits(asker) && !overlaps(card);
    };
    const box = boxOf(asker), size = greatest(ASKED.filter((each) => mayFit(facts, box, each)), draw), fit = size !== null;
    if (fit) draw(size);
    this.drawReach();
    if (fit && isNew) move(byId('quiet'), [{ opacity: 0 }, { opacity: 1 }], 1200);
    return fit;
  }

  /** The dotted line. It ends where a phone can pick it up. */
  drawReach() {
    const from = byId('asker').querySelector('.avatar')?.getBoundingClientRect(), to = byId('disc').getBoundingClientRect();
    if (!from || !to.width) return;
    const x = from.right - from.width * 0.01, y = from.bottom - from.height * 0.3;
    const angle = (150 * Math.PI) / 180, radius = to.width / 2;
    const endX = to.left + radius + radius * Math.cos(angle), endY = to.top + radius + radius * Math.sin(angle);
    const drop = from.height * 1.05, across = endX - x;
    const curve = across > 0
      ? `M${x} ${y} C${x + across * 0.26} ${y + drop} ${x + across * 0.72} ${y + drop * 0.84} ${endX} ${endY}`
      : `M${x} ${y} Q${x} ${(y + to.top) / 2} ${to.left + radius} ${to.top}`;
    byId('reach').setAttribute('d', curve);
  }

  /**
   * Discs on a line: who found each other.
   * @param {HTMLElement} place @param {{keys: number[], last: {key: number}}[]} found
   */
  drawMeetings(place, found) {
    place.replaceChildren(...(found.length ? [make('p', 'Found each other', 'label')] : []), ...found.map(({ keys, last }) => {
      const item = make('div', '', 'meeting'), discs = make('span', '', 'discs'), people = keys.slice(0, 3);
      discs.append(...people.map((key) => /** @type {Node} */ (this.cards.get(key).querySelector('.avatar')?.cloneNode(true))));
      for (const el of discs.querySelectorAll('[data-slot]')) el.removeAttribute('data-slot');
      const names = people.map((key) => callName(this.cards.get(key))).filter(Boolean).map(isolated);
      const time = this.cards.get(last.key).querySelector('[data-slot=clock]')?.textContent ?? '';
      const rest = keys.length - people.length;
      const who = rest > 0 ? `${names.join(', ')} and ${rest} more` : names.length > 1
        ? `${names.slice(0, -1).join(', ')} and ${names[names.length - 1]}` : names[0] ?? '';
      const text = make('span', '', 'names');
      text.append(who, ' ', make('small', `at ${time}`));
      item.append(discs, text);
      return item;
    }));
    const around = /** @type {HTMLElement} */ (place.parentElement);
    while (place.lastElementChild && !fits(around)) place.lastElementChild.remove();
    if (place.children.length === 1) place.replaceChildren();
  }
}
