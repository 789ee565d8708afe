// Starts the programs under measurement, each in a process of its own: thread counts and XLA's flags hold for a process.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {object} Round
 * @property {number} seconds for one unit: a step, an evaluation, a run
 * @property {number} peakBytes most memory that the process has held so far
 * @property {string} note
 */

/**
 * @typedef {object} Entrant
 * @property {() => Promise<Round>} round
 * @property {() => Promise<void>} close
 */

/**
 * @typedef {object} Setting
 * @property {string} python
 * @property {string} data folder of the IDX files
 * @property {number} seconds least time of a round
 */

/**
 * @param {import('./cases.mjs').Case} kase
 * @param {import('./cases.mjs').Contender} contender
 * @param {Setting} setting
 * @returns {Promise<Entrant>}
 */
export async function enter({ kind, work, cached }, contender, setting) {
  const { python, ...shared } = setting;
  const program = contender.program === 'node' ? process.execPath : python;
  const [script = '', ...rest] = contender.script;
  const file = script.startsWith('-') ? script : fileURLToPath(new URL(script, import.meta.url));
  const args = kind === 'process' ? [] : [JSON.stringify({ ...work, ...contender.work, ...shared })];
  const folder = mkdtempSync(join(tmpdir(), 'tfjs-lora-bench-'));
  const start = (/** @type {string | undefined} */ cache) =>
    new Program(program, [file, ...rest, ...args], folder, cacheVariables(cache));
  const remove = async () => rmSync(folder, { recursive: true, force: true });
  if (kind === 'serve') return await serving(start(undefined), remove);
  const oneRun = async (/** @type {string | undefined} */ cache) => {
    const run = start(cache);
    run.watchMemory();
    const line = kind === 'run' ? await run.line() : undefined;
    const elapsedSeconds = await run.ended();
    const { elapsedMs = 1000 * elapsedSeconds, note = '' } = line ?? {};
    return { seconds: elapsedMs / 1000, peakBytes: run.peakBytes, note };
  };
  if (kind === 'process') return { round: () => oneRun(undefined), close: remove };
  if (cached) await oneRun(folder);
  return {
    round: () => oneRun(cached ? folder : mkdtempSync(join(folder, 'cache-'))),
    close: remove,
  };
}

/**
 * @param {Program} program
 * @param {() => Promise<void>} remove
 * @returns {Promise<Entrant>}
 */
async function serving(program, remove) {
  const { note } = await program.line();
  return {
    round: async () => {
      program.go();
      const { units, elapsedMs } = await program.line();
      return { seconds: elapsedMs / 1000 / units, peakBytes: program.readPeakBytes(), note };
    },
    close: async () => {
      program.finish();
      await program.ended();
      await remove();
    },
  };
}

/**
 * Where TensorFlow and JAX keep compiled code; where they would by default when no folder is given.
 *
 * @param {string | undefined} folder
 * @returns {Record<string, string>}
 */
function cacheVariables(folder) {
  if (folder === undefined) return {};
  return {
    TF_XLA_FLAGS: `--tf_xla_persistent_cache_directory=${folder}`,
    JAX_COMPILATION_CACHE_DIR: folder,
    JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS: '0',
  };
}

/** A child process that writes JSON lines. */
class Program {
  /**
   * @param {string} program
   * @param {readonly string[]} args
   * @param {string} cwd
   * @param {Record<string, string>} variables
   */
  constructor(program, args, cwd, variables) {
    this.startedAtMs = performance.now();
    this.child = spawn(program, [...args], { cwd, env: { ...process.env, ...variables }, stdio: 'pipe' });
    this.peakBytes = 0;
    this.complaints = '';
    this.child.stderr.on('data', (chunk) => {
      this.complaints = (this.complaints + chunk).slice(-4000);
    });
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    /** @type {Promise<number | null>} */
    this.closed = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      this.child.on('exit', (code) => {
        clearInterval(this.watching);
        this.endedAtMs = performance.now();
        resolve(code);
      });
    });
    const stop = () => this.child.kill('SIGKILL');
    process.once('exit', stop);
    this.closed.finally(() => process.removeListener('exit', stop)).catch(() => {});
  }

  /** The next line that is JSON. */
  async line() {
    for (;;) {
      const { value, done } = await this.lines.next();
      if (done)
        throw new Error(`${this.child.spawnargs.slice(0, 2).join(' ')} ended early: ${this.complaints}`);
      if (value.startsWith('{')) return JSON.parse(value);
    }
  }

  go() {
    this.child.stdin.write('go\n');
  }

  /** Looks at the memory time and again, for a program that ends by itself. It costs the program time. */
  watchMemory() {
    this.watching = setInterval(() => this.readPeakBytes(), 50);
  }

  finish() {
    this.child.stdin.end();
  }

  /** Seconds from start to end. */
  async ended() {
    this.child.stdin.end();
    this.child.stdout.resume();
    const code = await this.closed;
    if (code !== 0) throw new Error(`${this.child.spawnargs.join(' ')} failed: ${this.complaints}`);
    return ((this.endedAtMs ?? 0) - this.startedAtMs) / 1000;
  }

  /** Linux only; 0 elsewhere. */
  readPeakBytes() {
    try {
      const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8');
      this.peakBytes = 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) || this.peakBytes;
    } catch {}
    return this.peakBytes;
  }
}
