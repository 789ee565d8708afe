// What the studies share: data, a pretrained DigitsNet, tables. They run on the built library.
import { loadMnist } from '../../dist/mnist-data-loader/index.js';
import { pretrain as pretrainRecipe } from '../../dist/recipes/index.js';

/** @typedef {import('../../dist/mnist-data-loader/index.js').Mnist} Mnist */

export const SEEDS = [0, 1, 2, 3, 4];
export const TARGET_DIGITS = [2, 3, 5, 8, 9];

/** One thread, so that sums have one order and a run repeats itself. */
export const tensorflow = /** @type {const} */ ({ device: 'cpu', threads: 1 });

export async function loadData() {
  return await loadMnist();
}

/**
 * DigitsNet after one epoch over the training set, with Adam at 1e-3 and batches of ten as published.
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
 * A Markdown table; the first row is its head, the first column text, the others numbers.
 *
 * @param {(string | number)[][]} rows
 */
export function table(rows) {
  const [head = [], ...body] = rows.map((cells) => `| ${cells.join(' | ')} |`);
  const rule = rows[0]?.map((_, column) => (column === 0 ? '---' : '---:')) ?? [];
  return [head, `| ${rule.join(' | ')} |`, ...body].join('\n');
}

/** @param {number | null} fraction */
export function percent(fraction) {
  return fraction === null ? 'n/a' : `${(100 * fraction).toFixed(1)} %`;
}
