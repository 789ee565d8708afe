import type { Evaluation } from '../../src/metrics/index.ts';
import { createRandom } from '../../src/random.ts';

/** An evaluation with the given labels and predictions; all confidences are 0.75 by default. */
export function makeEvaluation(
  labels: readonly number[],
  predictions: readonly number[],
  { classes = 10, confidences = labels.map(() => 0.75), loss = 0.5 } = {},
): Evaluation {
  return {
    count: labels.length,
    classNames: Array.from({ length: classes }, (_, label) => String(label)),
    labels: Uint8Array.from(labels),
    predictions: Uint8Array.from(predictions),
    confidences: Float32Array.from(confidences),
    loss,
  };
}

/** `count` examples with labels 0, 1, 2, ... in turn, each misclassified with the error rate of its class. */
export function randomEvaluation(count: number, errorRates: readonly number[], seed: number): Evaluation {
  const random = createRandom(seed);
  const labels = Array.from({ length: count }, (_, index) => index % errorRates.length);
  const predictions = labels.map((label) =>
    random.uniform() < errorRates[label]!
      ? (label + 1 + random.below(errorRates.length - 1)) % errorRates.length
      : label,
  );
  return makeEvaluation(labels, predictions, {
    classes: errorRates.length,
    confidences: labels.map(() => 0.3 + 0.7 * random.uniform()),
  });
}
