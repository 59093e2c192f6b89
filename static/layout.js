// Pure: what stands on the wall's stage, and for how long. It chooses; `stage.js` measures and draws.
// Nothing moves while somebody may be reading it: every place is held for a time that follows from its words.
import { byPlace } from './fold.js';
import { threadOf, threads } from './threads.js';

/** @typedef {import('./card.js').Facts} Facts */
/** @typedef {import('./threads.js').Thread} Thread */
/** @typedef {'blank' | 'pause' | 'invite' | 'quiet' | 'river'} Mode */
/** @typedef {{id: number, form: number, since: number, hold: number}} Lead `form`: order of the latest word it was led with */
/** @typedef {{key: number, since: number, hold: number}} Slot */
/**
 * @typedef {{
 *   lead: Lead | null, slots: Slot[], led: Map<number, number>, shown: Set<number>,
 *   tooLong: Set<number>, tooLongBeside: Set<number>, noRoom: Set<number>
 * }} Stage  `led`: conversation → form it was last led in, the latest last; `noRoom`: what does not fit below the column as it stands; `shown`: cards that had their place in the column
 */

export const SLOTS = 4;
const QUEUE = 4;
/** Words of a question that a passer-by takes in; longer ones wait until there is no such. */
const AT_A_GLANCE = 40;
/** So many posts may be too long for what is left of the column, before it stays as it is. */
const MISSES = 12;
/** Nobody holds the stage for longer, however much there is to read. */
const LONGEST_S = 90;
const RECENT_S = 600;
const TALK_S = 3600;
const TURN = 3;

/** @returns {Stage} */
export const emptyStage = () => ({
  lead: null, slots: [], led: new Map(), shown: new Set(), tooLong: new Set(), tooLongBeside: new Set(), noRoom: new Set(),
});

/** @param {number} words @param {boolean} isConversation @returns {number} seconds */
export const hold = (words, isConversation) => Math.min(LONGEST_S, Math.max(isConversation ? 20 : 12, 4 + 0.35 * words));

/**
 * @param {{blank: boolean, alive: boolean, cards: number, now: number, freshAt: number, quietAfter: number}} s
 *   `freshAt`: when something last came, in the conference's time
 * @returns {Mode}
 */
export function modeOf({ blank, alive, cards, now, freshAt, quietAfter }) {
  if (blank) return 'blank';
  if (!alive) return 'pause';
  if (!cards) return 'invite';
  return now - freshAt > quietAfter ? 'quiet' : 'river';
}

/** @param {Thread} thread */
const words = (thread) => [thread.head, ...thread.replies].reduce((sum, card) => sum + card.words, 0);

/**
 * The stage a moment later: the same object where nothing may change yet.
 * @param {Stage} stage @param {Map<number, Facts>} cards
 * @param {{now: number, at: number, quietAfter: number}} time `now`: real seconds for holding; `at`: the conference's time
 * @returns {Stage}
 */
export function next(stage, cards, { now, at, quietAfter }) {
  const all = threads(cards.values()), byId = new Map(all.map((thread) => [thread.id, thread]));
  const kept = keep(stage, cards, byId);
  const lead = nextLead(kept, all, byId, { now, at, quietAfter });
  const led = lead && lead !== kept.lead ? turned(kept.led, lead) : kept.led;
  const slots = nextSlots({ ...kept, lead }, all, now);
  if (lead === stage.lead && slots === stage.slots) return stage;
  const shown = new Set(kept.shown);
  for (const slot of slots) shown.add(slot.key);
  return { ...kept, lead, led, slots, shown, noRoom: stayed(stage.slots, slots) ? kept.noRoom : new Set() };
}

/** @param {Map<number, number>} led @param {Lead} lead */
function turned(led, lead) {
  const after = new Map(led);
  after.delete(lead.id);
  return after.set(lead.id, lead.form);
}

/** Tell whether nothing has left a hole: then what did not fit will not fit now. @param {Slot[]} before @param {Slot[]} slots */
const stayed = (before, slots) => before.every(({ key }) => slots.some((slot) => slot.key === key));

/** Let what is no longer there leave at once. @param {Stage} stage @param {Map<number, Facts>} cards @param {Map<number, Thread>} byId */
function keep(stage, cards, byId) {
  const lead = stage.lead && byId.has(stage.lead.id) ? stage.lead : null;
  const slots = stage.slots.every((slot) => cards.has(slot.key)) ? stage.slots : stage.slots.filter((slot) => cards.has(slot.key));
  if (lead === stage.lead && slots === stage.slots) return stage;
  return { ...stage, lead, slots, noRoom: slots === stage.slots ? stage.noRoom : new Set() };
}

/**
 * The conversation in focus: people talking before single posts, and of these what nobody has seen in this form. It
 * stays while there is nothing better; several conversations take turns, slowly.
 * @param {Stage} stage @param {Thread[]} all newest first @param {Map<number, Thread>} byId
 * @param {{now: number, at: number, quietAfter: number}} time
 * @returns {Lead | null}
 */
function nextLead(stage, all, byId, { now, at, quietAfter }) {
  const { lead, led, shown } = stage;
  if (lead && now < lead.since + lead.hold) return lead;
  const may = all.filter((thread) => !thread.head.warned && !thread.head.empty && !stage.tooLong.has(thread.id));
  const talks = may.filter((thread) => thread.replies.length && at - thread.last.at < TALK_S);
  const pool = talks.length ? talks : may;
  const current = lead && pool.find((thread) => thread.id === lead.id);
  const unseen = pool.find((thread) => led.get(thread.id) !== thread.last.order
    && (talks.length || !current || (!shown.has(thread.head.key) && at - thread.last.at < quietAfter)));
  let best = unseen ?? current ?? pool[0];
  if (!unseen && current && lead && talks.length > 1 && now >= lead.since + TURN * lead.hold) {
    const turns = [...led.keys()];
    best = [...talks].sort((a, b) => turns.indexOf(a.id) - turns.indexOf(b.id))[0];
  }
  if (!best) return null;
  if (lead && best.id === lead.id && best.last.order === lead.form) return lead;
  return { id: best.id, form: best.last.order, since: now, hold: hold(words(best), best.replies.length > 0) };
}

/**
 * The column beside it, newest on top. One comes in when the top one has had its time; more than a few waiting, and
 * only the newest of them still come. What left a hole is filled from below, so nothing else moves.
 * @param {Stage} stage @param {Thread[]} all @param {number} now
 * @returns {Slot[]}
 */
function nextSlots(stage, all, now) {
  const leading = stage.lead?.id;
  const heads = all.filter(({ id, head }) => id !== leading && !head.empty && !stage.tooLongBeside.has(head.key))
    .map((thread) => thread.head).sort((a, b) => byPlace(b, a));
  const allowed = new Set(heads.map((card) => card.key));
  const left = stage.slots.filter((slot) => allowed.has(slot.key));
  const slots = left.length === stage.slots.length ? stage.slots : left;
  /** @param {Facts} card */
  const slot = (card) => ({ key: card.key, since: now, hold: hold(card.words, false) });
  if (!slots.length) return heads.slice(0, SLOTS).map(slot);
  const onStage = new Set(slots.map(({ key }) => key));
  const top = heads.find((card) => card.key === slots[0].key);
  const waiting = heads.filter((card) => !stage.shown.has(card.key) && top && byPlace(card, top) > 0).slice(0, QUEUE);
  if (waiting.length && now >= slots[0].since + slots[0].hold) {
    return [slot(waiting[waiting.length - 1]), ...slots].slice(0, SLOTS);
  }
  const noRoom = slots === stage.slots ? stage.noRoom : new Set();
  if (slots.length >= SLOTS || noRoom.size >= MISSES) return slots;
  const last = heads.find((card) => card.key === slots[slots.length - 1].key);
  const below = heads.find((card) => !onStage.has(card.key) && !noRoom.has(card.key) && last && byPlace(card, last) < 0);
  return below ? [...slots, slot(below)] : slots;
}

/**
 * Return the question that the quiet wall asks: one nobody has answered, each for two minutes, the longest waiting first; where
 * there is none, the latest words.
 * @param {Map<number, Facts>} cards @param {number} now real seconds @param {Set<number>} tooLong
 * @returns {Facts | null}
 */
export function question(cards, now, tooLong) {
  const all = threads(cards.values()).filter(({ head }) => !head.warned && head.words && !tooLong.has(head.key));
  const asked = all.filter(({ head, replies }) => head.asks && !replies.length).map(({ head }) => head).sort(byPlace);
  const short = asked.filter((card) => card.words <= AT_A_GLANCE), open = short.length ? short : asked;
  if (open.length) return open[Math.floor(now / 120) % open.length];
  return all.map(({ last, head }) => (last.warned || !last.words || tooLong.has(last.key) ? head : last))[0] ?? null;
}

/**
 * Conversations of the last day between different people, the latest first: who found each other.
 * @param {Map<number, Facts>} cards @param {number} at @param {number} count @param {(key: number) => string} authorOf
 */
export function meetings(cards, at, count, authorOf) {
  const found = [];
  for (const thread of threads(cards.values())) {
    const people = new Map();
    for (const card of [thread.head, ...thread.replies]) {
      const author = authorOf(card.key);
      if (!people.has(author)) people.set(author, card.key);
    }
    if (people.size > 1 && at - thread.last.at < 86400) found.push({ id: thread.id, keys: [...people.values()], last: thread.last });
  }
  return found.slice(0, count);
}

/**
 * Count those that came lately that have no place on the stage.
 * @param {Map<number, Facts>} cards @param {number} at @param {Set<number>} visible
 */
export function moreThan(cards, at, visible) {
  let count = 0;
  for (const card of cards.values()) if (at - card.at < RECENT_S && !card.empty && !visible.has(card.key)) count += 1;
  return count;
}

/**
 * Tell whether any card may have a place on the stage, as far as is known.
 * @param {Map<number, Facts>} cards @param {Stage} stage
 */
export function anyStands(cards, { tooLong, tooLongBeside }) {
  for (const card of cards.values()) {
    const leads = !tooLong.has(threadOf(card)) && !card.warned;
    if (!card.empty && (leads || !tooLongBeside.has(card.key))) return true;
  }
  return false;
}
