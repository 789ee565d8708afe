import { type ImageDataset, requireLabels } from '../data/index.ts';
import { DataError } from '../errors.ts';
import type { IdxArray } from './idx.ts';
import type { SplitFiles } from './mnist-files.ts';

/**
 * Joins images and labels.
 *
 * @throws DataError if they do not fit together, or a label is outside `classes`
 */
export function toDataset(
  images: IdxArray,
  labels: IdxArray,
  files: SplitFiles,
  classes?: number,
): ImageDataset {
  const invalid = (path: string, problem: string) => new DataError('invalid-data', `${path}: ${problem}`);
  const [count, height, width] = images.shape;
  if (images.shape.length !== 3)
    throw invalid(files.images, `has ${images.shape.length} dimensions, images have 3; use an idx3 file`);
  if (labels.shape.length !== 1)
    throw invalid(files.labels, `has ${labels.shape.length} dimensions, labels have 1; use an idx1 file`);
  if (!count || !height || !width)
    throw invalid(files.images, `contains no images (shape [${images.shape.join(', ')}]); download it again`);
  if (count !== labels.shape[0]) {
    throw invalid(
      files.labels,
      `${labels.shape[0]} labels do not fit the ${count} images of ${files.images}; use files of one data set`,
    );
  }
  if (classes !== undefined) requireLabels(labels.values, classes, files.labels);
  const largest = labels.values.reduce((max, label) => Math.max(max, label), 0);
  return {
    images: images.values,
    labels: labels.values,
    count,
    height,
    width,
    classes: classes ?? largest + 1,
  };
}
