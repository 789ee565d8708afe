// How a contender's process takes part in rounds. round_protocol.py does the same in Python.
import { createInterface } from 'node:readline';

/** @returns {import('./cases.mjs').Work} */
export function readWork() {
  return JSON.parse(/** @type {string} */ (process.argv[2]));
}

/** @param {Record<string, unknown>} values */
export function printJson(values) {
  console.log(JSON.stringify(values));
}

/**
 * Calls `work` once to warm up (and to compile), then answers each line on stdin with a round: calls `work` for at least
 * `seconds` and prints the number of units and the time.
 *
 * @param {() => number | Promise<number>} work does some units and returns their number
 * @param {number} seconds
 * @param {() => string} [note] shown in the table, such as the engine
 */
export async function serve(work, seconds, note = () => '') {
  const started = performance.now();
  await work();
  printJson({ ready: true, firstMs: performance.now() - started, note: note() });
  for await (const _ of createInterface({ input: process.stdin })) {
    const start = performance.now();
    let units = 0;
    while (units === 0 || performance.now() - start < 1000 * seconds) units += await work();
    printJson({ units, elapsedMs: performance.now() - start });
  }
}
