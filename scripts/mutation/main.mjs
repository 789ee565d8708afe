// Changes the code of rooms without TensorFlow and runs their tests: npm run test:mutation.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { FOLDER, ROOM_VARIABLE, ROOMS } from './rooms.mjs';

const usage = `Usage: npm run test:mutation -- [--only TEXT]... [--jobs N] [--all]

--only TEXT   rooms whose name contains this text only; repeatable
--jobs N      processes at the same time (default: 2)
--all         try all changes again, not only those whose code or tests changed since the last run

Rooms: ${Object.keys(ROOMS).join('; ')}
`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    jobs: { type: 'string', default: '2' },
    all: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit();
}

const names = Object.keys(ROOMS).filter(
  (name) => values.only.length === 0 || values.only.some((text) => name.includes(text)),
);
const rows = [];
for (const name of names) {
  console.log(`\n${name}`);
  const env = { ...process.env, [ROOM_VARIABLE]: name, TFJS_LORA_MUTATION_JOBS: values.jobs };
  const args = ['stryker', 'run', ...(values.all ? ['--force'] : [])];
  const { status } = spawnSync('npx', args, { env, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
  rows.push(`| ${[name, ...Object.values(countsOf(name))].join(' | ')} |`);
}
console.log('\n| room | mutants | killed | survived | not run by a test | when loading |');
console.log('| --- | ---: | ---: | ---: | ---: | ---: |');
console.log(rows.join('\n'));

/**
 * Numbers of changes by outcome. Those of texts are left out; an endless loop counts as killed.
 *
 * @param {string} name of a room
 */
function countsOf(name) {
  /** @type {{ files: Record<string, { mutants: { status: string, statusReason?: string }[] }> }} */
  const { files } = JSON.parse(readFileSync(`${FOLDER}/${name}.json`, 'utf8'));
  const mutants = Object.values(files).flatMap((file) => file.mutants);
  /** @param {string[]} statuses */
  const count = (...statuses) => mutants.filter(({ status }) => statuses.includes(status)).length;
  const whenLoading = mutants.filter(
    ({ status, statusReason = '' }) => status === 'Ignored' && statusReason.includes('tatic'),
  ).length;
  const [killed, survived, uncovered] = [count('Killed', 'Timeout'), count('Survived'), count('NoCoverage')];
  return { mutants: killed + survived + uncovered + whenLoading, killed, survived, uncovered, whenLoading };
}
