// Shared by the studies: data, a pretrained DigitsNet and tables. They use the built library.
import { loadMnist } from '../../dist/mnist-data-loader/index.js';
import { pretrain as pretrainRecipe } from '../../dist/recipes/index.js';

/** @typedef {import('../../dist/mnist-data-loader/index.js').Mnist} Mnist */

export const SEEDS = [0, 1, 2, 3, 4];
export const TARGET_DIGITS = [2, 3, 5, 8, 9];

/** One thread, so that sums have a fixed order and runs are reproducible. */
export const tensorflow = /** @type {const} */ ({ device: 'cpu', threads: 1 });

export async function loadData() {
  return await loadMnist();
}

/**
 * DigitsNet after one epoch over the training set, with Adam at 1e-3 and batches of ten, as published.
 *
 * @param {Mnist} data
 * @param {number} seed
 */
export async function pretrain(data, seed) {
  return await pretrainRecipe({ tensorflow, data, seed, epochs: 1 });
}

/** @param {Float32Array} losses */
export function mean(losses) {
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

/**
 * A Markdown table. The first row is the header; the first column is aligned left, the others right.
 *
 * @param {(string | number)[][]} rows
 */
export function table(rows) {
  const [header = [], ...body] = rows.map((cells) => `| ${cells.join(' | ')} |`);
  const rule = rows[0]?.map((_, column) => (column === 0 ? '---' : '---:')) ?? [];
  return [header, `| ${rule.join(' | ')} |`, ...body].join('\n');
}

/** @param {number | null} fraction */
export function percent(fraction) {
  return fraction === null ? 'n/a' : `${(100 * fraction).toFixed(1)} %`;
}
