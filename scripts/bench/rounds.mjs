// The side of a round that a program under measurement sees; `round_protocol.py` is its twin.
import { createInterface } from 'node:readline';

/** @returns {import('./cases.mjs').Work} */
export function readWork() {
  return JSON.parse(/** @type {string} */ (process.argv[2]));
}

/** @param {Record<string, unknown>} values */
export function say(values) {
  console.log(JSON.stringify(values));
}

/**
 * Answers each line on stdin with a round: `work` does some units and returns their number; it is repeated for
 * `seconds`. A first call warms up, and compiles where that is needed.
 *
 * @param {() => number | Promise<number>} work
 * @param {number} seconds
 * @param {() => string} [note] what to say about the program once it has run, such as the engine
 */
export async function serve(work, seconds, note = () => '') {
  const started = performance.now();
  await work();
  say({ ready: true, firstMs: performance.now() - started, note: note() });
  for await (const _ of createInterface({ input: process.stdin })) {
    const start = performance.now();
    let units = 0;
    while (units === 0 || performance.now() - start < 1000 * seconds) units += await work();
    say({ units, elapsedMs: performance.now() - start });
  }
}
