// The wall: one state, one stage, one timer. What is chosen is in `layout.js`, how it is drawn in `stage.js`.
import { anyStands, emptyStage, meetings, modeOf, moreThan, next, question } from './layout.js';
import { Cards, byId, keepCurrent } from './page.js';
import { WHOLE, byPlace } from './fold.js';
import { Stage, mayStand } from './stage.js';
import { clock } from './clock.js';
import { keepHolding } from './worker.js';
import { threadOf, threads } from './threads.js';

/** @typedef {import('./page.js').State} State */
/** @typedef {import('./layout.js').Stage} Plan */

/** Seconds that one slice may try what fits; the next slice goes on, so that frames and the clock never wait. */
const SLICE_S = 0.05;
/** So many slices in a row; then the next tick goes on. */
const SLICES = 20;

const pool = byId('pool'), quietAfter = Number(byId('page').dataset.quietAfter);
const cards = new Cards(/** @type {NodeListOf<HTMLElement>} */ (pool.querySelectorAll(':scope > bc-card')));
const stage = new Stage(cards);
/** @type {Plan} */ let plan = emptyStage();
let isAlive = true, wanted = '', mode = '', dirty = true, columnDirty = true, slices = 0, freshAt = -Infinity, asked = 0, drawnLead = 0;
/** @type {Set<number>} */ let visible = new Set();
/** @type {Set<number>} */ const tooLongToAsk = new Set();

const page = keepCurrent({
  kind: 'screen', cards, cap: WHOLE,
  changed(state, before) {
    const newest = newestOrder(before);
    if (state.resets === before.resets && newestOrder(state) > newest) freshAt = page.time.now();
    if (state.cards !== before.cards || state.blank !== before.blank) {
      const began = clock.monotonic();
      cards.take(state.cards);
      forgetFits(state, before);
      sift(state, before.cards);
      for (const [key, card] of state.cards) if (before.cards.get(key) !== card) preload(key);
      dirty = columnDirty = true;
      if (clock.monotonic() - began < SLICE_S) draw();
      else clock.after(0, draw);
    }
  },
  alive(alive) {
    isAlive = alive;
    draw();
  },
  tick: draw,
});

/** @param {State} state */
function newestOrder(state) {
  let newest = 0;
  for (const card of state.cards.values()) if (card.order > newest) newest = card.order;
  return newest;
}

/** An edited text may fit where the old one did not. @param {State} state @param {State} before */
function forgetFits(state, before) {
  for (const [key, card] of state.cards) {
    if (before.cards.get(key) === card) continue;
    plan.tooLong.delete(threadOf(card));
    plan.tooLongBeside.delete(key);
    tooLongToAsk.delete(key);
  }
}

/** Unfold the cards; what can never fit is not laid out to find that out. @param {State} state @param {Map<number, unknown>} [known] */
function sift(state, known) {
  for (const [key, card] of state.cards) {
    if (known?.get(key) === card) continue;
    const may = mayStand(card);
    cards.get(key).querySelector('.whole')?.toggleAttribute('open', may);
    if (may) continue;
    if (threadOf(card) === key) plan.tooLong.add(key);
    plan.tooLongBeside.add(key);
    tooLongToAsk.add(key);
  }
}

/** Pictures of a card in the pool are not loaded by themselves, and should be there when it is shown. @param {number} key */
function preload(key) {
  for (const src of new Set(Array.from(cards.get(key).querySelectorAll('img'), (img) => img.src))) new Image().src = src;
}

/** @param {number} key */
const authorOf = (key) => cards.get(key).querySelector('[data-slot=who]')?.getAttribute('href') || firstText(key);
/** @param {number} key */
const firstText = (key) => cards.get(key).querySelector('[data-slot=name]')?.textContent ?? '';

function draw() {
  const { state, time } = page, at = time.now();
  let latest = freshAt;
  for (const card of state.cards.values()) if (card.at > latest) latest = card.at;
  const cardsThatStand = anyStands(state.cards, plan) ? state.cards.size : 0;
  const now = modeOf({ blank: state.blank, alive: isAlive, cards: cardsThatStand, now: at, freshAt: latest, quietAfter });
  for (const el of document.querySelectorAll('[data-clock]')) el.textContent = clockText(at);
  if (now !== wanted) {
    wanted = now;
    become(now);
    stage.clear([]);
    plan = { ...plan, lead: null, slots: [], noRoom: new Set() };
    dirty = columnDirty = true;
  }
  let goesOn = false;
  if (wanted === 'river') goesOn = drawRiver(state, at);
  else if (wanted === 'quiet') goesOn = drawQuiet(state, at);
  else if (dirty) tidy(state, new Set());
  dirty = goesOn;
  slices = goesOn && slices < SLICES ? slices + 1 : 0;
  if (slices) clock.after(0, draw);
}

/** Return what the page shows: the view that is wanted, or the way in where nothing has a place on that stage. @param {string} name */
function become(name) {
  if (mode !== name) mode = document.body.dataset.mode = name;
}

const format = new Intl.DateTimeFormat('en-GB', { timeZone: byId('page').dataset.zone || 'UTC', hour: 'numeric', minute: '2-digit' });
/** @param {number} at @returns {string} 8:40 */
const clockText = (at) => format.format(at * 1000).replace(/^0/, '');

/** @param {State} state @param {number} at @returns {boolean} whether there is more to try */
function drawRiver(state, at) {
  const time = { now: clock.monotonic(), at, quietAfter };
  const all = new Map(threads(state.cards.values()).map((thread) => [thread.id, thread]));
  const began = clock.monotonic();
  for (;;) {
    const planned = next(plan, state.cards, time);
    if (planned === plan && !dirty) break;
    become('river'); // what is not displayed cannot be measured
    const { size } = planned.noRoom;
    if (drawPlan(planned, all, state) && plan.noRoom.size <= size) break; // else the next post may have the room
    if (clock.monotonic() - began > SLICE_S) return true;
  }
  const more = moreThan(state.cards, at, visible), line = byId('more');
  line.hidden = !more;
  const text = `${more} more in the last ten minutes`;
  if (more && line.textContent !== text) line.textContent = text;
  if (dirty) drawMeetings(state, at, visible);
  if (!plan.lead && !plan.slots.length) become('invite');
  return false;
}

/**
 * @param {Plan} planned @param {Map<number, import('./threads.js').Thread>} all @param {State} state
 * @returns {boolean} whether everything fits; else the plan knows what does not, and must be made again
 */
function drawPlan(planned, all, state) {
  const stood = new Set(plan.slots.map(({ key }) => key)), top = plan.slots[0]?.key;
  const slotsChanged = planned.slots !== plan.slots, leadChanged = planned.lead !== plan.lead;
  plan = planned;
  const side = planned.slots.length ? '1' : '0';
  const reflow = stage.river.dataset.side !== side;
  stage.river.dataset.side = side;
  if (slotsChanged || columnDirty || reflow) {
    const drawn = stage.drawColumn(plan.slots, (key) => {
      const card = state.cards.get(key);
      return card && all.get(threadOf(card));
    });
    if (drawn.slots[0]?.key !== top) plan.noRoom = new Set();
    for (const { key } of plan.slots.slice(drawn.slots.length)) {
      plan.noRoom.add(key);
      if (!stood.has(key)) plan.shown.delete(key);
    }
    if (drawn.slots.length !== plan.slots.length) plan = { ...plan, slots: drawn.slots };
    if (drawn.tooLong !== null) {
      plan.tooLongBeside.add(drawn.tooLong);
      return false;
    }
    columnDirty = false;
  }
  const thread = plan.lead && all.get(plan.lead.id);
  if (!thread || !plan.lead) {
    drawnLead = 0;
    stage.pool.append(...stage.talk.querySelectorAll('bc-card'));
    stage.talk.replaceChildren();
  } else if (leadChanged || dirty || reflow) {
    const stands = drawnLead === thread.id && !leadChanged && !reflow;
    const extended = stands ? stage.extendLead(thread) : null;
    if (!extended && !stage.drawLead(thread, drawnLead !== thread.id)) {
      plan.tooLong.add(thread.id);
      plan = { ...plan, lead: null };
      return false;
    }
    drawnLead = thread.id;
    const form = extended ? Math.max(...extended.map((key) => state.cards.get(key)?.order ?? 0)) : thread.last.order;
    plan.led.set(thread.id, form);
    plan.lead.form = form;
  }
  visible = new Set([...document.querySelectorAll('#river bc-card')].map((el) => Number(/** @type {HTMLElement} */ (el).dataset.key)));
  tidy(state, visible);
  return true;
}

/** @param {State} state @param {number} at @returns {boolean} whether there is more to try */
function drawQuiet(state, at) {
  const began = clock.monotonic();
  for (;;) {
    const chosen = question(state.cards, clock.monotonic(), tooLongToAsk);
    if (!chosen || (chosen.key === asked && !dirty)) break;
    become('quiet');
    asked = chosen.key;
    const waits = chosen.asks && ![...state.cards.values()].some((card) => card !== chosen && threadOf(card) === threadOf(chosen));
    dirty = true;
    if (stage.drawQuestion(chosen, waits)) break;
    tooLongToAsk.add(chosen.key);
    asked = 0;
    if (clock.monotonic() - began > SLICE_S) return true;
  }
  if (!dirty) return false;
  if (!asked) become('invite');
  tidy(state, new Set([asked]));
  drawMeetings(state, at, new Set([asked]));
  return false;
}

/** @param {State} state @param {number} at @param {Set<number>} shown */
function drawMeetings(state, at, shown) {
  const found = meetings(state.cards, at, 4, authorOf).filter(({ keys }) => !keys.some((key) => shown.has(key))).slice(0, 2);
  stage.drawMeetings(byId('met-rail'), found);
  stage.drawMeetings(byId('met-quiet'), found);
}

/** The pool holds every card that is not on the stage, newest first. @param {State} state @param {Set<number>} onStage */
function tidy(state, onStage) {
  const rest = [...state.cards.values()].filter((card) => !onStage.has(card.key)).sort((a, b) => byPlace(b, a));
  let next = pool.firstElementChild;
  for (const { key } of rest) { // to move a card costs as much as it is large, so those that stand well stay
    const el = cards.get(key);
    if (el === next) next = next.nextElementSibling;
    else pool.insertBefore(el, next);
  }
}

/** Sizes have changed: measure anew. */
function remeasure() {
  plan.tooLong.clear();
  plan.tooLongBeside.clear();
  tooLongToAsk.clear();
  plan = { ...plan, noRoom: new Set() };
  sift(page.state);
  drawnLead = 0;
  dirty = columnDirty = true;
  draw();
}

sift(page.state);
draw();
addEventListener('resize', remeasure);
document.fonts.ready.then(remeasure);
addEventListener('load', keepHolding);
