// Runs the command line in processes that can be killed.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../../bin/tfjs-lora.mjs', import.meta.url));

/**
 * @typedef {object} Program
 * @property {() => string} output stdout and stderr
 * @property {() => boolean} hasEnded
 * @property {Promise<{ code: number | null, output: string }>} ended
 * @property {() => void} kill with SIGKILL
 */

/**
 * @param {string} cwd
 * @param {readonly string[]} argv
 * @param {(program: Program) => void} [onOutput] called after each output
 * @returns {Program}
 */
export function startProgram(cwd, argv, onOutput = () => {}) {
  const child = spawn(process.execPath, [PROGRAM, ...argv], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let hasEnded = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
      onOutput(program);
    });
  }
  const ended = new Promise((resolve) => {
    child.once('exit', (code) => {
      hasEnded = true;
      resolve({ code, output });
    });
  });
  /** @type {Program} */
  const program = {
    output: () => output,
    hasEnded: () => hasEnded,
    ended,
    kill: () => child.kill('SIGKILL'),
  };
  return program;
}
