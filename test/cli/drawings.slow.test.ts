import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findMnist, loadSplit } from '../../src/mnist-data-loader/index.ts';
import { runCommand, sh } from '../helpers/command.ts';
import { enlarged, picture, writePicture } from '../helpers/pictures.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const COUNT = 300;

it('classifies large drawings of test images about as well as the images themselves', async () => {
  const cwd = await temporaryFolder();
  const run = async (argv: readonly string[]) => {
    const { code, out } = await runCommand(cwd, argv);
    expect(code).toBe(0);
    return out;
  };
  await run(sh`pretrain --out base --quiet`);
  const { dataset, files } = await loadSplit(await findMnist(), 'test');
  const drawings: string[] = [];
  for (let row = 0; row < COUNT; row++) {
    const image = dataset.images.subarray(784 * row, 784 * (row + 1));
    const ink = enlarged(image, 5 + (row % 4), (13 * row) % 60, (7 * row) % 40);
    const noise = (x: number, y: number) => (7919 * x + 104729 * y) % 11;
    const dark = (x: number, y: number) => 235 - 0.8 * ink(x, y) + noise(x, y);
    const light = (x: number, y: number) => [20 + noise(x, y), 40 + 0.8 * ink(x, y), 30, 255];
    drawings.push(`${row}.png`);
    await writePicture(join(cwd, `${row}.png`), picture(300, 280, row % 2 === 0 ? dark : light));
  }
  const countCorrect = (json: string) =>
    (JSON.parse(json).predictions as { className: string }[]).filter(
      ({ className }, row) => Number(className) === dataset.labels[row],
    ).length;
  const correctImages = countCorrect(
    await run(sh`predict ${files.images} --rows 0-${COUNT - 1} --model base --json`),
  );
  const correctDrawings = countCorrect(await run(sh`predict ${drawings} --model base --json`));
  expect(correctImages).toBeGreaterThan(0.8 * COUNT);
  expect(correctDrawings).toBeGreaterThanOrEqual(correctImages - 0.03 * COUNT);
});
