// The holding page: asks whether the wall is there again, and goes to it. It is drawn without any other module.
import { clock } from './clock.js';

const MOST_S = 8, PATIENCE_MS = 2_500, MOST_PATIENCE_MS = 40_000;
let tries = 0;

/** Screens are few and everybody looks at them: soon at first, and never all at once. */
function later() {
  clock.after(Math.random() * Math.min(MOST_S, 2 ** tries), look);
  tries += 1;
}

/** The worker answers no HEAD, so this is the server's own word. Who was silent may be slow: each time longer. */
async function look() {
  const patience = Math.min(MOST_PATIENCE_MS, PATIENCE_MS * 2 ** tries);
  try {
    const { ok } = await fetch('/wall', { method: 'HEAD', signal: AbortSignal.timeout(patience) });
    if (ok) location.replace(`/wall${location.search}`);
    else later();
  } catch {
    later();
  }
}

later();
