// Measures tfjs-lora beside plain tfjs, PyTorch and JAX on this machine, and prints one table.
import { parseArgs } from 'node:util';
import { findMnist } from '../../dist/mnist-data-loader/index.js';
import { PythonError, pythonVenv } from '../python-venv.mjs';
import { cases } from './cases.mjs';
import { compete } from './compete.mjs';
import { gpuCases } from './gpu-cases.mjs';
import { describeMachine } from './machine.mjs';
import { resultTable } from './table.mjs';

const usage = `Usage: npm run bench -- [--only CASE]... [--rounds N] [--quick] [--no-python] [--json]
                          [--device cuda] [--python FILE]

--only CASE   one of: ${cases.map(({ name }) => name).join(', ')}; may be repeated
--rounds N    turns of each contender in a case (default 7; 3 with --quick)
--quick       short rounds, fewer of them: to look, not to publish
--no-python   without PyTorch and JAX, which take 6 GB in the cache folder
--device cuda what a GPU does: cases ${gpuCases.map(({ name }) => name).join(', ')}
--python FILE a Python with PyTorch and JAX, instead of one made in the cache folder
--json        one JSON document with every round instead of the table
`;

const note = (/** @type {string} */ line) => console.error(line);

try {
  await main();
} catch (error) {
  const { message, code } = /** @type {Error & { code?: string }} */ (error);
  const known =
    error instanceof PythonError || error instanceof RangeError || code?.startsWith('ERR_PARSE_ARGS');
  console.error(known ? `error: ${message}` : error);
  process.exitCode = known ? 2 : 1;
}

async function main() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      'no-python': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      device: { type: 'string', default: 'cpu' },
      python: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return process.stdout.write(usage);
  const all = values.device === 'cuda' ? gpuCases : cases;
  const chosen = choose(values.only, all);
  const rounds = Number(values.rounds ?? (values.quick ? 3 : 7));
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new RangeError(`--rounds ${values.rounds}: has to be a whole number of at least 1`);
  const python = values['no-python'] ? undefined : (values.python ?? (await pythonVenv(note)));
  const machine = describeMachine(python, values.device === 'cuda' ? 'cuda' : 'cpu');
  note(
    `${machine.processor}, ${machine.cores} cores; ${Object.entries(machine.versions)
      .map((entry) => entry.join(' '))
      .join(', ')}`,
  );
  if (machine.loadAverage > 0.5) {
    note(
      `warning: load average ${machine.loadAverage.toFixed(1)}: other programs are running, so look at ratios only`,
    );
  }
  const { directory } = await findMnist();
  const setting = { python: python ?? '', data: directory, seconds: values.quick ? 0.3 : 0.8 };
  const results = [];
  for (const kase of chosen) {
    note(`${kase.title} ...`);
    const contenders = kase.contenders.filter(({ program }) => python || program === 'node');
    const result = await compete({ ...kase, contenders }, rounds, setting);
    results.push(result);
    note(resultTable([result]));
  }
  console.log(
    values.json ? JSON.stringify({ machine, rounds, results }, undefined, 2) : resultTable(results),
  );
}

/**
 * @param {readonly string[]} names
 * @param {readonly import('./cases.mjs').Case[]} cases
 * @throws RangeError when there is no such case
 */
function choose(names, cases) {
  const unknown = names.find((name) => !cases.some((kase) => kase.name === name));
  if (unknown !== undefined) {
    throw new RangeError(
      `--only ${unknown}: no such case; choose from ${cases.map(({ name }) => name).join(', ')}`,
    );
  }
  return names.length === 0 ? cases : cases.filter(({ name }) => names.includes(name));
}
