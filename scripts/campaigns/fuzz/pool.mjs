// Worker processes for the fuzz campaign, with a watchdog that ends those that hang or use too much memory.
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** @typedef {import('./worker.mjs').Job} Job */
/** @typedef {import('./worker.mjs').Outcome} Outcome */
/** @typedef {import('node:child_process').ChildProcess} ChildProcess */

const WORKER = fileURLToPath(new URL('worker.mjs', import.meta.url));
/** Jobs per process, so that what a command keeps in memory does not add up. */
const JOBS_PER_PROCESS = 500;
const CHECK_EVERY_MS = 100;
/** Resident memory at which a process is ended. */
const MEMORY_LIMIT_MB = 1500;

/** Runs jobs one after the other, in a process that is replaced when needed. */
export class Worker {
  #inputs;
  #folder;
  #limitMs;
  /** @type {ChildProcess | undefined} */
  #process;
  #jobs = 0;

  /**
   * @param {string} inputs folder that each process copies
   * @param {string} folder for the process
   * @param {number} limitMs time per job
   */
  constructor(inputs, folder, limitMs) {
    this.#inputs = inputs;
    this.#folder = folder;
    this.#limitMs = limitMs;
  }

  /**
   * @param {Job} job
   * @returns {Promise<Outcome | { fault: string }>} a fault if the process did not survive the job
   */
  async run(job) {
    const child = await this.#start();
    const outcome = await this.#answer(child, job);
    this.#jobs++;
    const isWorn = this.#jobs >= JOBS_PER_PROCESS || 'fault' in outcome || outcome.peakMb > 300;
    if (isWorn) await this.stop();
    return outcome;
  }

  async stop() {
    const child = this.#process;
    this.#process = undefined;
    if (child && child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    }
  }

  async #start() {
    if (this.#process) return this.#process;
    await rm(this.#folder, { recursive: true, force: true });
    await mkdir(this.#folder);
    const child = fork(WORKER, [this.#inputs, this.#folder], { serialization: 'advanced' });
    this.#process = child;
    this.#jobs = 0;
    await new Promise((resolve, reject) => {
      child.once('message', resolve);
      child.once('exit', (code) => reject(new Error(`a worker does not start (exit code ${code})`)));
    });
    return child;
  }

  /**
   * @param {ChildProcess} child
   * @param {Job} job
   * @returns {Promise<Outcome | { fault: string }>}
   */
  async #answer(child, job) {
    return await new Promise((resolve) => {
      const started = performance.now();
      /** @param {Outcome | { fault: string }} outcome */
      const end = (outcome) => {
        clearInterval(watchdog);
        child.removeAllListeners('message');
        child.removeAllListeners('exit');
        resolve(outcome);
      };
      const watchdog = setInterval(() => {
        const megabytes = residentMb(child.pid);
        if (performance.now() - started > this.#limitMs) end({ fault: `no end after ${this.#limitMs} ms` });
        else if (megabytes > MEMORY_LIMIT_MB) end({ fault: `uses ${megabytes.toFixed(0)} MB of memory` });
      }, CHECK_EVERY_MS);
      child.once('message', (outcome) => end(/** @type {Outcome} */ (outcome)));
      child.once('exit', (code, signal) => end({ fault: `the process ends with ${signal ?? code}` }));
      child.send(job);
    });
  }
}

/** Resident memory of a process; 0 where /proc does not exist. @param {number | undefined} pid */
function residentMb(pid) {
  try {
    return (Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096) / 2 ** 20;
  } catch {
    return 0;
  }
}
