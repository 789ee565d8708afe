// The whole way from raw MNIST files to a per-digit comparison, command by command, in one process.
import { main } from '../dist/cli/main.js';

const folder = 'runs/walkthrough';
const [base, adapted, tuned] = ['base', 'adapted', 'tuned'].map((name) => `${folder}/${name}`);

const commands = [
  ['data'],
  ['pretrain', '--out', base, '--overwrite'],
  ['inject-lora', base, '--rank', '2', '--out', adapted, '--overwrite'],
  [
    ...['finetune', adapted, '--digits', '2,3,5,8,9', '--out', tuned, '--overwrite'],
    ...['--report', `${folder}/report.html`],
  ],
];

for (const command of commands) {
  console.log(`\n$ npx tfjs-lora ${command.join(' ')}\n`);
  process.exitCode = await main(command);
  if (process.exitCode !== 0) break;
}
if (process.exitCode === 0) {
  console.log(
    `\nThe comparison is in ${tuned}/report.json and report.md, with charts and the worst mistakes in ${folder}/report.html.`,
  );
}
