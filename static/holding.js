// The holding page: asks whether the wall is there again, and goes to it. It is drawn without any other module.
import { clock } from './clock.js';

const MOST_S = 8, PATIENCE_MS = 30_000;
let failures = 0;

/** Screens are few and everybody looks at them: soon at first, and never all at once. */
function later() {
  clock.after(Math.random() * Math.min(MOST_S, 2 ** failures), look);
  failures += 1;
}

/** The worker answers no HEAD, so this is the server's own word. */
async function look() {
  try {
    const { ok } = await fetch('/wall', { method: 'HEAD', signal: AbortSignal.timeout(PATIENCE_MS) });
    if (ok) location.replace(`/wall${location.search}`);
    else later();
  } catch {
    later();
  }
}

later();
