// One kill: runs a scenario's command in a process, kills it, looks at what is there, and continues.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commandEnvironment, runCommand } from '../command-line.mjs';
import { contentOf, difference } from './content.mjs';

const COMMAND = fileURLToPath(new URL('command.mjs', import.meta.url));

/** @typedef {import('./scenarios.mjs').Scenario} Scenario */

/**
 * @typedef {object} Reference what an uninterrupted command did
 * @property {import('./content.mjs').Content} old
 * @property {import('./content.mjs').Content} new
 * @property {readonly string[]} operations its file operations, in order
 * @property {number} elapsedMs
 */

/**
 * @typedef {{ readonly operation: number } | { readonly afterMs: number }} Moment when to kill: before an operation (from 1),
 *   or some time after the start
 */

/** A scenario with its inputs and its folder for attempts. */
export class Attack {
  #scenario;
  #inputs;
  #folder;
  #attempts = 0;

  /**
   * @param {Scenario} scenario
   * @param {string} inputs folder
   * @param {string} folder for attempts
   */
  constructor(scenario, inputs, folder) {
    this.#scenario = scenario;
    this.#inputs = inputs;
    this.#folder = folder;
  }

  /** @returns {Promise<Reference>} */
  async uninterrupted() {
    const { cwd, clear } = await this.#prepare();
    const operations = join(cwd, 'operations');
    const started = performance.now();
    const { code, err } = await this.#start(cwd, { CAMPAIGN_OPERATIONS: operations });
    const elapsedMs = performance.now() - started;
    if (code !== 0) throw new Error(`${this.#scenario.name}: exit code ${code}: ${err}`);
    const { old, output } = this.#scenario;
    const reference = {
      old: old === undefined ? new Map() : contentOf(join(this.#inputs, old)),
      new: contentOf(join(cwd, output)),
      operations: readFileSync(operations, 'utf8').split('\n'),
      elapsedMs,
    };
    await clear();
    return reference;
  }

  /**
   * @param {Moment} moment
   * @param {Reference} reference
   * @returns {Promise<{ killed: boolean, faults: string[] }>} `killed` is false if the command ended before
   */
  async kill(moment, reference) {
    const { cwd, clear } = await this.#prepare();
    /** @type {Record<string, string>} */
    const environment = 'operation' in moment ? { CAMPAIGN_KILL_AT: String(moment.operation) } : {};
    const { signal } = await this.#start(cwd, environment, 'afterMs' in moment ? moment.afterMs : undefined);
    const killed = signal === 'SIGKILL';
    const faults = killed ? await this.#inspect(cwd, reference) : [];
    await clear();
    return { killed, faults };
  }

  /**
   * @param {string} cwd
   * @param {Reference} reference
   * @returns {Promise<string[]>}
   */
  async #inspect(cwd, reference) {
    const { output, resumes, grows } = this.#scenario;
    const path = join(cwd, output);
    const found = contentOf(path);
    const isNew = difference(found, reference.new) === undefined;
    const oldDifference = difference(found, reference.old);
    const faults = [];
    if (!grows && found.size > 0 && !isNew && oldDifference !== undefined) {
      faults.push(
        `${output} is neither old (${oldDifference}) nor new (${difference(found, reference.new)})`,
      );
    }
    const done = resumes && !isNew && (await this.#resume(cwd, faults));
    if (!done) {
      const plain = this.#scenario.command.replace(/ --(overwrite|resume)/, '');
      const { code, err } = await runCommand(cwd, this.#words(grows ? plain : `${plain} --overwrite`));
      if (code !== 0) faults.push(`the next command ends with ${code}: ${err}`);
    }
    const wrong = difference(contentOf(path), reference.new);
    if (wrong !== undefined) faults.push(`after ${done ? '--resume' : 'the next command'}: ${wrong}`);
    const left = readdirSync(cwd).filter((entry) => entry !== output);
    if (left.length > 0) faults.push(`left over: ${left.join(', ')}`);
    return faults;
  }

  /**
   * @param {string} cwd
   * @param {string[]} faults
   * @returns {Promise<boolean>} whether there was a checkpoint to resume from
   */
  async #resume(cwd, faults) {
    const checkpoints = readdirSync(cwd).filter((entry) => existsSync(join(cwd, entry, 'run.json')));
    const [isStopped, isPartial] = [this.#scenario.old === 'stopped', checkpoints.some(isBeside)];
    if (!isStopped && !isPartial) return false;
    const resume = this.#scenario.command.replace(/ --(overwrite|resume)/, '');
    const { code, err, out } = await runCommand(cwd, this.#words(`${resume} --resume`));
    if (code !== 0) faults.push(`--resume ends with ${code}: ${err}`);
    else if (out === '') faults.push('--resume prints no report');
    return code === 0;
  }

  async #prepare() {
    const cwd = join(this.#folder, `${this.#scenario.name.replaceAll(/\W+/g, '-')}-${++this.#attempts}`);
    await mkdir(cwd);
    const { old, output } = this.#scenario;
    if (old !== undefined) await cp(join(this.#inputs, old), join(cwd, output), { recursive: true });
    return { cwd, clear: () => rm(cwd, { recursive: true }) };
  }

  /**
   * @param {string} cwd
   * @param {Record<string, string>} variables
   * @param {number} [killAfterMs]
   */
  async #start(cwd, variables, killAfterMs) {
    const env = { ...commandEnvironment(), ...variables };
    const argv = [COMMAND, ...this.#words(this.#scenario.command)];
    const child = spawn(process.execPath, argv, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
    let err = '';
    child.stderr.on('data', (data) => {
      err += data;
    });
    const timer =
      killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    const [code, signal] = await once(child, 'close');
    clearTimeout(timer);
    return { code, signal, err };
  }

  /** @param {string} line */
  #words(line) {
    return line.split(' ').map((word) => word.replace('@', this.#inputs));
  }
}

/** @param {string} name */
function isBeside(name) {
  return /\.partial-\d+-/.test(name);
}
