// Keeps the wall's holding page ready for when the wall is loaded and the server is away: a projector shows no
// browser's error page. It holds what that page is drawn with, and never a post or a picture of one.

/** @typedef {{waitUntil(work: Promise<unknown>): void}} Extendable */
/** @typedef {Extendable & {data: string[]}} Told */
/** @typedef {{request: Request, respondWith(answer: Promise<Response>): void}} Asked */
/** @type {any} */ const worker = self;

const CACHE = 'holding', WAIT_MS = 10_000;
let isAway = false; // as the last page that was asked for found it

worker.addEventListener('install', () => worker.skipWaiting());
worker.addEventListener('activate', (/** @type {Extendable} */ event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener('message', (/** @type {Told} */ event) => event.waitUntil(keep(event.data)));
worker.addEventListener('fetch', (/** @type {Asked} */ event) => {
  if (event.request.method === 'GET') event.respondWith(answer(event.request));
});

/** Hold exactly these: what a wall that has just been loaded is drawn with. @param {string[]} urls */
async function keep(urls) {
  const cache = await caches.open(CACHE);
  await cache.addAll(urls);
  const wanted = new Set(urls.map((url) => new URL(url, location.href).href));
  for (const request of await cache.keys()) if (!wanted.has(request.url)) await cache.delete(request);
}

/** What the server says; where it says nothing, or a proxy says that it is away, what is held. @param {Request} request */
async function answer(request) {
  const isPage = request.mode === 'navigate', { search } = new URL(request.url);
  const held = isPage ? await caches.match(`/wall/holding${search}`) ?? await caches.match('/wall/holding', { ignoreSearch: true })
    : await caches.match(request);
  if (!held) return fetch(request);
  if (isAway && !isPage) return held;
  const said = await ask(request);
  if (isPage) isAway = !said;
  return said ?? held;
}

/** The answer, unless nobody is there, or only a proxy. One that has begun may take its time. @param {Request} request */
async function ask(request) {
  const asking = new AbortController();
  let isSilent = true;
  AbortSignal.timeout(WAIT_MS).addEventListener('abort', () => isSilent && asking.abort());
  try {
    const said = await fetch(request, { signal: asking.signal });
    isSilent = false;
    return said.status < 500 ? said : null;
  } catch {
    return null;
  }
}
