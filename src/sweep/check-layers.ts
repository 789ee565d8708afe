import { loraTargets } from '../lora/index.ts';
import { openRun } from '../runs/index.ts';
import type { Grid } from './grid.ts';

/**
 * Checks the layers and weights that a grid names, so that a misspelt name is an error before the first trial and not in
 * each of its trials. Values of different options are not combined: a combination without targets is a failed trial.
 *
 * @param run folder of the base
 * @throws UsageError if a value matches no layer or weight of the base
 * @throws CheckpointError if the base cannot be read
 */
export async function checkLayers(run: string, { targets, targetWeights, exclude }: Grid): Promise<void> {
  const configs = [
    ...(targets ?? []).map((value) => ({ targets: value })),
    ...(targetWeights ?? []).map((value) => ({ targetWeights: value })),
    ...(exclude ?? []).map((value) => ({ exclude: value })),
  ];
  if (configs.length === 0) return;
  const { base } = await openRun(run);
  try {
    for (const config of configs) loraTargets(base, config);
  } finally {
    base.dispose();
  }
}
