// Keeps the wall's holding page ready for when the wall is loaded and the server is away: a projector shows no
// browser's error page. It holds what that page is drawn with, and never a post or a picture of one. Everything
// else on every page goes its own way, as if this were not there.

/** @typedef {{waitUntil(work: Promise<unknown>): void}} Extendable */
/** @typedef {Extendable & {request: Request, clientId: string, resultingClientId: string, respondWith(answer: Promise<Response>): void}} Asked */
/** @type {any} */ const worker = self;

const CACHE = 'holding', WAIT_MS = 20_000;
const PAGE = '/wall/holding', PAPER = '/wall/holding?theme=paper';
const DRAWN = [
  PAGE, PAPER, '/qr.svg', '/static/icon.svg', '/static/tokens.css', '/static/base.css', '/static/wall.css', '/static/holding.js',
  '/static/clock.js', '/static/fonts/atkinson-latin.woff2', '/static/fonts/atkinson-latin-ext.woff2',
];
/** @type {Set<string>} windows that were given the holding page */ const holding = new Set();

worker.addEventListener('install', (/** @type {Extendable} */ event) => event.waitUntil(keep().then(() => worker.skipWaiting())));
worker.addEventListener('activate', (/** @type {Extendable} */ event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener('fetch', (/** @type {Asked} */ event) => {
  const { request, clientId } = event;
  if (request.method !== 'GET') return;
  if (request.mode === 'navigate') event.respondWith(page(event));
  else if (holding.has(clientId)) event.respondWith(caches.match(request.url).then((kept) => kept ?? fetch(request)));
});

/** All of it or, where something is missing, what was there before. A login's page is not what was asked for. */
async function keep() {
  const cache = await caches.open(CACHE);
  await cache.addAll(DRAWN.map((url) => new Request(url, { redirect: 'error' })));
}

/** The wall, and what will be needed when it is away; or the holding page. @param {Asked} event */
async function page(event) {
  const said = await ask(event.request);
  if (said) {
    event.waitUntil(keep().catch(() => undefined));
    return said;
  }
  holding.add(event.resultingClientId);
  const theme = new URL(event.request.url).searchParams.get('theme');
  return await caches.match(theme === 'paper' ? PAPER : PAGE) ?? Response.error();
}

/** The answer, unless nobody is there, or only a proxy. One that has begun may take its time. @param {Request} request */
async function ask(request) {
  const asking = new AbortController();
  let isSilent = true;
  AbortSignal.timeout(WAIT_MS).addEventListener('abort', () => isSilent && asking.abort());
  try {
    const said = await fetch(request, { signal: asking.signal });
    isSilent = false;
    return said.status === 404 || said.status >= 500 ? null : said;
  } catch {
    return null;
  }
}
