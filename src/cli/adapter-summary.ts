import type { LoraSummary } from '../lora/index.ts';
import { formatCount, formatPercent } from '../text/index.ts';

/** The adapted layers and how much of the model trains, as text. */
export function renderSummary(summary: LoraSummary): string {
  const { layers, trainableParameters, totalParameters, baseParameters, shareOfTotal, shareOfBase } = summary;
  const width = Math.max(...layers.map(({ path }) => path.length));
  return [
    ...layers.map(
      ({ path, rank, alpha, trainableParameters: trainable }) =>
        `${path.padEnd(width)}  rank ${rank}, alpha ${alpha}: ${formatCount(trainable)} trainable`,
    ),
    `trainable: ${formatCount(trainableParameters)} of ${formatCount(totalParameters)} values = ${formatPercent(shareOfTotal)} % ` +
      `(${formatPercent(shareOfBase)} % of the base's ${formatCount(baseParameters)})`,
  ].join('\n');
}
