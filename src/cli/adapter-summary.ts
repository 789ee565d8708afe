import { type LoraSummary, placeOf } from '../lora/index.ts';
import { formatCount, formatPercent } from '../text/index.ts';

/** Describes the adapted layers, one line each, and how many parameters are trainable. */
export function renderSummary(summary: LoraSummary): string {
  const { layers } = summary;
  const places = layers.map((layer) => placeOf(layer, layers));
  const width = Math.max(...places.map((place) => place.length));
  return [
    ...layers.map(
      ({ rank, alpha, trainableParameters: trainable }, index) =>
        `${places[index]!.padEnd(width)}  rank ${rank}, alpha ${alpha}: ${formatCount(trainable)} trainable`,
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
