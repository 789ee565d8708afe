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
 * @returns {Program}
 */
export function startProgram(cwd, argv) {
  const program = spawn(process.execPath, [PROGRAM, ...argv], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let hasEnded = false;
  for (const stream of [program.stdout, program.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const ended = new Promise((resolve) => {
    program.once('exit', (code) => {
      hasEnded = true;
      resolve({ code, output });
    });
  });
  return { output: () => output, hasEnded: () => hasEnded, ended, kill: () => program.kill('SIGKILL') };
}
