// Runs each contender in a process of its own: thread counts and XLA flags apply to a whole process.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {object} Round
 * @property {number} seconds per unit: a step, an evaluation or a run
 * @property {number} peakBytes most memory the process has used so far; 0 if unknown
 * @property {string} note
 */

/**
 * @typedef {object} RunningContender
 * @property {() => Promise<Round>} round runs one round
 * @property {() => Promise<void>} close
 */

/**
 * @typedef {object} Setting
 * @property {string} python path of the Python with PyTorch and JAX
 * @property {string} data folder of the IDX files
 * @property {number} seconds minimum duration of a round
 */

/**
 * Prepares a contender for rounds. With kind `serve` its process is started and warmed up here, otherwise in each round.
 *
 * @param {import('./cases.mjs').Case} benchCase
 * @param {import('./cases.mjs').Contender} contender
 * @param {Setting} setting
 * @returns {Promise<RunningContender>}
 */
export async function startContender({ kind, work, cached, prepare }, contender, { python, ...shared }) {
  const program = contender.program === 'node' ? process.execPath : python;
  const [script = '', ...rest] = contender.script;
  const scripts = contender.folder ?? fileURLToPath(new URL('.', import.meta.url));
  const pathOf = (/** @type {string} */ name) => (name.startsWith('-') ? name : resolve(scripts, name));
  const args = kind === 'process' ? [] : [JSON.stringify({ ...work, ...contender.work, ...shared })];
  const folder = mkdtempSync(join(tmpdir(), 'tfjs-lora-bench-'));
  const start = (/** @type {string | undefined} */ cache) =>
    new ContenderProcess(program, [pathOf(script), ...rest, ...args], folder, cacheVariables(cache));
  const removeFolder = async () => rmSync(folder, { recursive: true, force: true });
  if (kind === 'serve') return await startServing(start(undefined), removeFolder);
  const runOnce = async (/** @type {string | undefined} */ cache) => {
    const running = start(cache);
    running.watchMemory();
    const result = kind === 'run' ? await running.nextJson() : undefined;
    const processSeconds = await running.exit();
    const { elapsedMs = 1000 * processSeconds, note = '' } = result ?? {};
    return { seconds: elapsedMs / 1000, peakBytes: running.peakBytes, note };
  };
  if (kind === 'process') {
    if (prepare) await prepareFolder(pathOf(prepare[0] ?? ''), prepare.slice(1), folder);
    return { round: () => runOnce(undefined), close: removeFolder };
  }
  if (cached) await runOnce(folder);
  return {
    round: () => runOnce(cached ? folder : mkdtempSync(join(folder, 'cache-'))),
    close: removeFolder,
  };
}

/**
 * @param {string} script
 * @param {readonly string[]} args
 * @param {string} folder working directory
 */
async function prepareFolder(script, args, folder) {
  await new ContenderProcess(process.execPath, [script, ...args], folder, {}).exit();
}

/**
 * @param {ContenderProcess} running
 * @param {() => Promise<void>} removeFolder
 * @returns {Promise<RunningContender>}
 */
async function startServing(running, removeFolder) {
  const { note } = await running.nextJson();
  return {
    round: async () => {
      running.requestRound();
      const { units, elapsedMs } = await running.nextJson();
      return { seconds: elapsedMs / 1000 / units, peakBytes: running.readPeakBytes(), note };
    },
    close: async () => {
      await running.exit();
      await removeFolder();
    },
  };
}

/**
 * Environment variables that make TensorFlow and JAX cache compiled code in a folder; none for their default folders.
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

/** @type {Set<import('node:child_process').ChildProcess>} */
const children = new Set();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** A child process that prints JSON lines. It is killed if the bench exits. */
class ContenderProcess {
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
    this.stderr = '';
    this.child.stderr.on('data', (chunk) => {
      this.stderr = (this.stderr + chunk).slice(-4000);
    });
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    /** @type {Promise<number | null>} */
    this.closed = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      this.child.on('exit', (code) => {
        clearInterval(this.memoryTimer);
        this.exitedAtMs = performance.now();
        resolve(code);
      });
    });
    children.add(this.child);
    this.closed.finally(() => children.delete(this.child)).catch(() => {});
  }

  /** The next line of stdout that is a JSON object, parsed. */
  async nextJson() {
    for (;;) {
      const { value, done } = await this.lines.next();
      if (done) {
        throw new Error(`${this.child.spawnargs.slice(0, 2).join(' ')} exited early: ${this.stderr}`);
      }
      if (value.startsWith('{')) return JSON.parse(value);
    }
  }

  requestRound() {
    this.child.stdin.write('go\n');
  }

  /** Reads the memory regularly, for a process that exits by itself. This takes some of its time. */
  watchMemory() {
    this.memoryTimer = setInterval(() => this.readPeakBytes(), 50);
  }

  /**
   * Closes stdin and waits until the process exits.
   *
   * @returns {Promise<number>} seconds from start to exit
   */
  async exit() {
    this.child.stdin.end();
    this.child.stdout.resume();
    const code = await this.closed;
    if (code !== 0) throw new Error(`${this.child.spawnargs.join(' ')} failed: ${this.stderr}`);
    return ((this.exitedAtMs ?? 0) - this.startedAtMs) / 1000;
  }

  /** Peak resident memory in bytes; 0 on systems other than Linux. */
  readPeakBytes() {
    try {
      const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8');
      this.peakBytes = 1024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) || this.peakBytes;
    } catch {}
    return this.peakBytes;
  }
}
