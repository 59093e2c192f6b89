// Has the service worker hold what the wall needs to stand there, with its way in, while the server is away.

const HELD = /^\/(static\/|qr\.svg$)/;

/** Only where the origin is secure; a wall without it is a wall. */
export async function holdReady() {
  if (!('serviceWorker' in navigator)) return;
  /** @type {any} */ const policies = /** @type {any} */ (globalThis).trustedTypes;
  const policy = policies?.createPolicy('worker-url', {
    createScriptURL(/** @type {string} */ url) {
      if (url !== '/sw.js') throw new TypeError(url);
      return url;
    },
  });
  try {
    await navigator.serviceWorker.register(policy?.createScriptURL('/sw.js') ?? '/sw.js', { scope: '/wall' });
  } catch {
    return; // a window that keeps nothing
  }
  const { active } = await navigator.serviceWorker.ready;
  const drawn = performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname).filter((path) => HELD.test(path));
  active?.postMessage([...new Set([`/wall/holding${location.search}`, ...drawn])]);
}
