// Runs commands of the built command line in this process, as the campaigns need them.
import { main } from '../../dist/cli/main.js';

/** Variables that a campaign keeps: those of the user's options would change what it tries. */
const KEPT_VARIABLES =
  /^(PATH|HOME|TMPDIR|TFJS_LORA_CACHE|XDG_CACHE_HOME|LD_LIBRARY_PATH|NODE_OPTIONS|SystemRoot)$/;

/** One thread, so that sums have a fixed order and results can be compared bit for bit. */
const ONE_THREAD = { TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: '1', TF_CPP_MIN_LOG_LEVEL: '2' };

/** The environment of commands: without the user's options, and with one thread for TensorFlow. */
export function commandEnvironment() {
  const kept = Object.entries(process.env).filter(([name]) => KEPT_VARIABLES.test(name));
  return { ...Object.fromEntries(kept), ...ONE_THREAD };
}

/** Sets the environment of commands for this process. Call it before TensorFlow is loaded. */
export function useCommandEnvironment() {
  const environment = commandEnvironment();
  for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name];
  Object.assign(process.env, environment);
}

/**
 * @typedef {object} Result
 * @property {number} code exit code
 * @property {string} out
 * @property {string} err
 */

/**
 * Runs a command line, like the helper of the tests.
 *
 * @param {string} cwd
 * @param {readonly string[]} argv
 * @param {object} [overrides] settings of the context
 * @returns {Promise<Result>}
 */
export async function runCommand(cwd, argv, overrides = {}) {
  /** @type {string[]} */
  const out = [];
  /** @type {string[]} */
  const err = [];
  const code = await main(argv, {
    env: {},
    cwd,
    interactive: false,
    color: false,
    columns: 80,
    checkpointEveryMs: 60_000,
    print: (text) => out.push(text),
    note: (text) => err.push(text),
    annotate: (text) => err.push(text),
    ...overrides,
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

/**
 * Runs a command line that must succeed.
 *
 * @param {string} cwd
 * @param {string} line its words, separated by spaces
 * @param {object} [overrides] settings of the context
 * @param {number} [expected] exit code
 */
export async function mustRun(cwd, line, overrides, expected = 0) {
  const result = await runCommand(cwd, line.split(' '), overrides);
  if (result.code === expected) return result;
  throw new Error(`'${line}' ended with ${result.code} instead of ${expected}: ${result.err}`);
}
