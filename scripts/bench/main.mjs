// Compares the speed of tfjs-lora with plain tfjs, PyTorch and JAX on this machine: npm run bench.
import { parseArgs } from 'node:util';
import { findMnist } from '../../dist/mnist-data-loader/index.js';
import { PythonError, pythonVenv } from '../python-venv.mjs';
import { caseAgainst, changesAgainst, changeTable } from './against.mjs';
import { startBusyLoops } from './busy-loops.mjs';
import { cases } from './cases.mjs';
import { CheckoutError, checkOut } from './checkout.mjs';
import { gpuCases } from './gpu-cases.mjs';
import { describeMachine } from './machine.mjs';
import { checkRatios, regressionCases, writeExpectedRatios } from './regression.mjs';
import { runCase } from './run-case.mjs';
import { resultTable } from './table.mjs';

const usage = `Usage: npm run bench -- [--only CASE]... [--rounds N] [--quick] [--no-python] [--json]
                          [--load N] [--against COMMIT] [--check] [--update]
                          [--device cuda] [--python FILE]

--only CASE   run this case only; may be repeated. Cases: ${namesOf(cases)}
--rounds N    rounds per case (default: 7; 3 with --quick)
--quick       fewer and shorter rounds, for a rough impression
--no-python   leave out PyTorch and JAX, which need 6 GB in the cache folder
--load N      keep N cores busy with other processes meanwhile
--against COMMIT
              measure tfjs-lora of this checkout and of a commit, alternating, and report whether the speed of each
              contender changed by more than the noise of the rounds; exit code 10 if one is slower
--check       measure ${namesOf(regressionCases)} and compare with plain tfjs only; exit code 10 if one of them
              lost more than 25 % of its expected lead (scripts/bench/expected-ratios.json)
--update      with --check: write the measured leads as the expected ones
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
    [PythonError, CheckoutError, RangeError].some((type) => error instanceof type) ||
    code?.startsWith('ERR_PARSE_ARGS');
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
      load: { type: 'string', default: '0' },
      against: { type: 'string' },
      check: { type: 'boolean', default: false },
      update: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return process.stdout.write(usage);
  if (values.update && !values.check) throw new RangeError('--update: needs --check');
  if (values.check && values.against !== undefined)
    throw new RangeError('--check: cannot be used with --against; choose one of them');
  const known = values.check ? regressionCases : values.device === 'cuda' ? gpuCases : cases;
  const rounds = wholeNumber('--rounds', values.rounds ?? (values.quick ? '3' : '7'), 1);
  const load = wholeNumber('--load', values.load, 0);
  const other = values.against === undefined ? undefined : await checkOut(values.against, note);
  const selected = selectCases(values.only, known).map((one) => (other ? caseAgainst(one, other) : one));
  const onlyNode = values['no-python'] || values.check || other;
  const python = onlyNode ? undefined : (values.python ?? (await pythonVenv(note)));
  const machine = describeMachine(python, values.device === 'cuda' ? 'cuda' : 'cpu');
  noteMachine(machine, load);
  const { directory } = await findMnist();
  const setting = { python: python ?? '', data: directory, seconds: values.quick ? 0.3 : 0.8 };
  const results = [];
  const endLoad = startBusyLoops(load);
  try {
    for (const benchCase of selected) {
      note(`${benchCase.title} ...`);
      const contenders = benchCase.contenders.filter(({ program }) => python || program === 'node');
      const result = await runCase({ ...benchCase, contenders }, rounds, setting);
      results.push(result);
      note(resultTable([result]));
    }
  } finally {
    endLoad();
  }
  const changes = other && results.flatMap((result) => changesAgainst(result, other.id));
  if (values.update) writeExpectedRatios(results);
  const check = values.check ? checkRatios(results) : undefined;
  if (check?.failed.length || changes?.some(({ verdict }) => verdict === 'slower')) process.exitCode = 10;
  if (values.json) {
    const document = { machine, rounds, load, results, changes, tooSlow: check?.failed };
    return console.log(JSON.stringify(document, undefined, 2));
  }
  const summary = other && changes ? changeTable(changes, other.id) : check?.text;
  console.log([resultTable(results), summary].filter((text) => text !== undefined).join('\n\n'));
}

/**
 * @param {ReturnType<typeof describeMachine>} machine
 * @param {number} load
 */
function noteMachine({ processor, cores, versions, loadAverage }, load) {
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  note(`${processor}, ${cores} cores; ${named.join(', ')}`);
  if (loadAverage > 0.5)
    note(
      `warning: load average ${loadAverage.toFixed(1)}: other programs are running, so only ratios are reliable`,
    );
  if (load > 0) note(`${load} busy ${load === 1 ? 'process' : 'processes'} beside the bench`);
}

/**
 * @param {string} option
 * @param {string} text
 * @param {number} minimum
 * @throws RangeError
 */
function wholeNumber(option, text, minimum) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < minimum)
    throw new RangeError(`${option} ${text}: must be a whole number of at least ${minimum}`);
  return value;
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
