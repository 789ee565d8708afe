import type { LoraSummary } from '../lora/index.ts';
import { formatCount, formatPercent } from '../text/index.ts';

/** Describes the adapted layers, one line each, and how many parameters are trainable. */
export function renderSummary(summary: LoraSummary): string {
  const { layers } = summary;
  const width = Math.max(...layers.map(({ path }) => path.length));
  return [
    ...layers.map(
      ({ path, rank, alpha, trainableParameters: trainable }) =>
        `${path.padEnd(width)}  rank ${rank}, alpha ${alpha}: ${formatCount(trainable)} trainable`,
    ),
    renderTrainable(summary),
  ].join('\n');
}

/** The number of trainable parameters, and its ratio to those of the adapted model and of the base. */
export function renderTrainable(summary: LoraSummary): string {
  const { trainableParameters, totalParameters, baseParameters, shareOfTotal, shareOfBase } = summary;
  return (
    `trainable parameters: ${formatCount(trainableParameters)} of ${formatCount(totalParameters)} = ${formatPercent(shareOfTotal)} % ` +
    `(${formatPercent(shareOfBase)} % of the base's ${formatCount(baseParameters)})`
  );
}
