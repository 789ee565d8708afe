// Compares the speed of tfjs-lora with plain tfjs, PyTorch and JAX on this machine: npm run bench.
import { parseArgs } from 'node:util';
import { findMnist } from '../../dist/mnist-data-loader/index.js';
import { PythonError, pythonVenv } from '../python-venv.mjs';
import { cases } from './cases.mjs';
import { gpuCases } from './gpu-cases.mjs';
import { describeMachine } from './machine.mjs';
import { runCase } from './run-case.mjs';
import { resultTable } from './table.mjs';

const usage = `Usage: npm run bench -- [--only CASE]... [--rounds N] [--quick] [--no-python] [--json]
                          [--device cuda] [--python FILE]

--only CASE   run this case only; may be repeated. Cases: ${namesOf(cases)}
--rounds N    rounds per case (default: 7; 3 with --quick)
--quick       fewer and shorter rounds, for a rough impression
--no-python   leave out PyTorch and JAX, which need 6 GB in the cache folder
--device cuda measure on a GPU. Cases: ${namesOf(gpuCases)}
--python FILE use this Python, which has PyTorch and JAX, instead of installing them in the cache folder
--json        print every round as one JSON document instead of a table
`;

const note = (/** @type {string} */ line) => console.error(line);

try {
  await main();
} catch (error) {
  const { message, code } = /** @type {Error & { code?: string }} */ (error);
  const isUserError =
    error instanceof PythonError || error instanceof RangeError || code?.startsWith('ERR_PARSE_ARGS');
  console.error(isUserError ? `error: ${message}` : error);
  process.exitCode = isUserError ? 2 : 1;
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
  const selected = selectCases(values.only, values.device === 'cuda' ? gpuCases : cases);
  const rounds = Number(values.rounds ?? (values.quick ? 3 : 7));
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new RangeError(`--rounds ${values.rounds}: must be a whole number of at least 1`);
  const python = values['no-python'] ? undefined : (values.python ?? (await pythonVenv(note)));
  const machine = describeMachine(python, values.device === 'cuda' ? 'cuda' : 'cpu');
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  note(`${machine.processor}, ${machine.cores} cores; ${versions.join(', ')}`);
  if (machine.loadAverage > 0.5) {
    note(
      `warning: load average ${machine.loadAverage.toFixed(1)}: other programs are running, so only ratios are reliable`,
    );
  }
  const { directory } = await findMnist();
  const setting = { python: python ?? '', data: directory, seconds: values.quick ? 0.3 : 0.8 };
  const results = [];
  for (const benchCase of selected) {
    note(`${benchCase.title} ...`);
    const contenders = benchCase.contenders.filter(({ program }) => python || program === 'node');
    const result = await runCase({ ...benchCase, contenders }, rounds, setting);
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
 * @throws RangeError if a name is unknown
 */
function selectCases(names, cases) {
  const unknown = names.find((name) => !cases.some((benchCase) => benchCase.name === name));
  if (unknown !== undefined) {
    throw new RangeError(`--only ${unknown}: unknown case; expected one of ${namesOf(cases)}`);
  }
  return names.length === 0 ? cases : cases.filter(({ name }) => names.includes(name));
}

/** @param {readonly import('./cases.mjs').Case[]} cases */
function namesOf(cases) {
  return cases.map(({ name }) => name).join(', ');
}
