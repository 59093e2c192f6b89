// Registers `sw.js`, which keeps the holding page, where the origin is secure. A wall without it is a wall.

export async function keepHolding() {
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
    // a window that keeps nothing, or not everything came: the next load tries again
  }
}
