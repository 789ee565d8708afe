import { dataHash, type ImageDataset } from '../data/index.ts';
import type { Evaluation } from '../metrics/index.ts';

/** Whether images are those of an evaluation. If the evaluation has no `dataHash`, only the labels are compared. */
export function areEvaluatedImages(images: ImageDataset, evaluation: Evaluation): boolean {
  const { dataHash: expected, labels } = evaluation;
  if (expected !== undefined) return dataHash(images) === expected;
  return Buffer.compare(Buffer.from(images.labels), Buffer.from(labels)) === 0;
}
