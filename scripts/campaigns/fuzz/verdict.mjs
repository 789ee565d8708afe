// Checks whether a command handled an input as guaranteed.

/** @typedef {import('./worker.mjs').Outcome} Outcome */

/** Exit codes that a command may end with, whatever its input: all documented ones but 1, a bug. */
const EXIT_CODES = new Set([0, 2, 3, 4, 5, 6, 10]);
const MESSAGE_LIMIT = 2000;
const GROWTH_LIMIT_MB = 700;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be printed
const CONTROL_CHARACTERS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;

/**
 * @param {Outcome | { fault: string }} outcome
 * @param {Outcome} expected of the undamaged input
 * @param {{ sameOnly?: boolean, leaves?: boolean }} rules `sameOnly`: success must print what the undamaged input does;
 *   `leaves`: the command may create files, also when it fails
 * @returns {string | undefined} what is wrong
 */
export function faultOf(outcome, expected, { sameOnly = false, leaves = false }) {
  if ('fault' in outcome) return outcome.fault;
  const { code, out, err, left, wrongLoss, peakMb } = outcome;
  if (/This is a bug|^ {4}at /m.test(err)) return `prints a stack: ${err.slice(0, 600)}`;
  if (!EXIT_CODES.has(code)) return `exit code ${code}: ${err.slice(0, 200)}`;
  if (CONTROL_CHARACTERS.test(`${out}${err}`))
    return `prints a control character: ${JSON.stringify(`${err}${out}`.slice(0, 300))}`;
  const longest = err.split('\n').reduce((most, line) => Math.max(most, line.length), 0);
  if (longest > MESSAGE_LIMIT) return `prints a line of ${longest} characters: ${err.slice(0, 200)}`;
  if (code !== 0 && err === '') return `exit code ${code} without a message`;
  if (peakMb > GROWTH_LIMIT_MB) return `uses ${peakMb.toFixed(0)} MB of memory more`;
  if (code !== 0 && left.length > 0 && !leaves) return `fails and leaves ${left.join(', ')}`;
  if (code !== 0) return undefined;
  if (left.some((entry) => entry.startsWith('..')) && !leaves)
    return `writes outside of its folder: ${left.join(', ')}`;
  if (wrongLoss !== undefined) return `writes a loss that is not one: ${wrongLoss.slice(0, 100)}`;
  // A name in quotes may be NaN.
  if (/\b(NaN|Infinity)\b/.test(out.replaceAll(/"(\\.|[^"\\])*"/g, '')))
    return `prints NaN: ${out.slice(0, 300)}`;
  const missing = missingNumber(parsed(out), parsed(expected.out));
  if (missing !== undefined) return `prints null in place of a number: ${missing}`;
  if (sameOnly && stable(out) !== stable(expected.out))
    return 'succeeds with another result than the undamaged file';
  return undefined;
}

/** Values of a report that are null where a class has no examples or no predictions, which damaged data can cause. */
const NULLABLE = new Set(['accuracy', 'precision', 'recall', 'f1', 'gain', 'interval', 'pValue']);

/**
 * The first number of `expected` that is null in `found`, as NaN becomes in JSON.
 *
 * @param {unknown} found
 * @param {unknown} expected
 * @param {string} [path]
 * @returns {string | undefined}
 */
function missingNumber(found, expected, path = '') {
  if (typeof expected === 'number') return found === null ? path : undefined;
  if (typeof expected !== 'object' || expected === null || typeof found !== 'object' || found === null)
    return undefined;
  for (const [key, value] of Object.entries(expected)) {
    if (NULLABLE.has(key)) continue;
    const inner = missingNumber(/** @type {Record<string, unknown>} */ (found)[key], value, `${path}.${key}`);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Output without times and the folder of the worker. @param {string} out */
function stable(out) {
  return out
    .replaceAll(/worker-\d+/g, 'worker')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'time')
    .replaceAll(/"(elapsedMs|seconds|createdAt)": ?[^,\n]+/g, '"$1"');
}
