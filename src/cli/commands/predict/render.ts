import type { Prediction } from '../../../pictures/index.ts';
import { plainTable, tableText } from '../../../text/index.ts';

/** A table with a row for each image: its file and row, then the most likely classes with their probabilities. */
export function renderPredictions(
  predictions: readonly Prediction[],
  classNames: readonly string[],
  top: number,
): string {
  const hasRows = predictions.some(({ row }) => row !== undefined);
  const count = Math.min(top, classNames.length);
  const table = plainTable([
    'left',
    ...(hasRows ? (['right'] as const) : []),
    ...Array.from({ length: count }, () => ['left', 'right'] as const).flat(),
  ]);
  for (const { file, row, probabilities } of predictions) {
    const classes = mostLikely(probabilities, count).flatMap((label) => [
      classNames[label]!,
      `${(100 * probabilities[label]!).toFixed(1)} %`,
    ]);
    const rowText = row === undefined ? '' : `row ${row}`;
    table.push([file, ...(hasRows ? [rowText] : []), ...classes]);
  }
  return tableText(table);
}

/** The JSON document of `predict`. */
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

/** The labels with the largest probabilities, in descending order. */
function mostLikely(probabilities: readonly number[], count: number): number[] {
  return [...probabilities.keys()]
    .sort((left, right) => probabilities[right]! - probabilities[left]! || left - right)
    .slice(0, count);
}
