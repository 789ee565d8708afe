import type { Prediction } from '../../../pictures/index.ts';
import { plainTable, tableText } from '../../../text/index.ts';

/** A table row for each image: where it is from, then the likeliest classes with their probabilities. */
export function renderPredictions(
  predictions: readonly Prediction[],
  classNames: readonly string[],
  top: number,
): string {
  const rows = predictions.some(({ row }) => row !== undefined);
  const shown = Math.min(top, classNames.length);
  const table = plainTable([
    'left',
    ...(rows ? (['right'] as const) : []),
    ...Array.from({ length: shown }, () => ['left', 'right'] as const).flat(),
  ]);
  for (const { file, row, probabilities } of predictions) {
    const cells = likeliest(probabilities, shown).flatMap((label) => [
      classNames[label]!,
      `${(100 * probabilities[label]!).toFixed(1)} %`,
    ]);
    table.push([file, ...(rows ? [row === undefined ? '' : `row ${row}`] : []), ...cells]);
  }
  return tableText(table);
}

/** What `predict --json` prints. */
export function predictionDocument(
  predictions: readonly Prediction[],
  classNames: readonly string[],
  model: string,
) {
  return {
    format: 'tfjs-lora predictions',
    formatVersion: 1,
    model,
    classNames,
    predictions: predictions.map(({ file, row, label, probabilities }) => ({
      file,
      ...(row === undefined ? {} : { row }),
      className: classNames[label]!,
      confidence: probabilities[label]!,
      probabilities,
    })),
  };
}

function likeliest(probabilities: readonly number[], count: number): number[] {
  return [...probabilities.keys()]
    .sort((one, other) => probabilities[other]! - probabilities[one]! || one - other)
    .slice(0, count);
}
