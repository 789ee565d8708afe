import { spawn } from 'node:child_process';

/**
 * @typedef {object} Finished
 * @property {number | null} code the exit code; null where a signal ended it
 * @property {string} output stdout and stderr together
 */

/**
 * Runs a program to its end and keeps what it says.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 * @returns {Promise<Finished>} code 127 where there is no such program
 */
export function run(program, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, [...args], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (/** @type {Buffer} */ chunk) => {
      output = (output + chunk.toString()).slice(-200_000);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    const stop = () => child.kill();
    process.once('exit', stop);
    child.on('error', (error) => {
      process.removeListener('exit', stop);
      resolve({ code: 127, output: String(error.message) });
    });
    child.on('close', (code) => {
      process.removeListener('exit', stop);
      resolve({ code, output });
    });
  });
}

/**
 * The line of a program's output that says most about why it failed.
 *
 * @param {string} output
 */
export function reason(output) {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  const telling = lines.filter((line) => /\b(error|fatal)\b/i.test(line));
  return (telling.at(-1) ?? lines.at(-1) ?? 'it said nothing').replace(/^(error|npm error)[: ]+/i, '');
}
