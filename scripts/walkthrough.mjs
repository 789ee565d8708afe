// Pretrains, adapts, fine-tunes and compares on MNIST: runs these commands one after the other in one process.
import { main } from '../dist/cli/main.js';

const folder = 'runs/walkthrough';
const base = `${folder}/base`;
const adapted = `${folder}/adapted`;
const tuned = `${folder}/tuned`;
const report = `${folder}/report.html`;

const commands = [
  'data',
  `pretrain --out ${base} --overwrite`,
  `inject-lora ${base} --rank 2 --out ${adapted} --overwrite`,
  `finetune ${adapted} --digits 2,3,5,8,9 --out ${tuned} --overwrite --report ${report}`,
];

for (const command of commands) {
  console.log(`\n$ npx tfjs-lora ${command}\n`);
  process.exitCode = await main(command.split(' '));
  if (process.exitCode !== 0) break;
}
if (process.exitCode === 0) {
  console.log(
    `\nThe comparison is in ${tuned}/report.json and ${tuned}/report.md, with charts and mistakes in ${report}.`,
  );
}
