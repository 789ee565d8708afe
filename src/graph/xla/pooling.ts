import { concat, float32, intsOf, type OpSite, padImages, reshape, slice, textOf } from './ops.ts';

/** Most elements of a window for which the gradient is written as arithmetic. */
const MAX_WINDOW_SIZE = 9;

/**
 * `MaxPoolGrad` for windows that do not overlap: the gradient goes to the first element of each window that
 * equals the window's maximum, all others get 0. XLA's own lowering searches for the maximum again and
 * scatters, in five kernels; this one is arithmetic that it fuses.
 *
 * @param site inputs are the images [batch, height, width, channels], the maxima [batch, rows, columns,
 *   channels] and their gradient of the same shape, all float32
 * @returns the gradient of the images, float32; undefined if windows overlap, are larger than
 *   `MAX_WINDOW_SIZE`, reach over the edge, or the layout is another one
 */
export function lowerMaxPoolGrad(site: OpSite): string | undefined {
  const { node, inputs, specs, graph } = site;
  const { ksize, strides, data_format } = node.attributes;
  const [, windowHeight, windowWidth] = intsOf(ksize) as [number, number, number, number];
  const [batch, height, width, channels] = specs[0]!.shape as [number, number, number, number];
  const [, rows, columns] = specs[1]!.shape as [number, number, number, number];
  // What the windows cover. With 'VALID' padding some pixels at the end may be left over.
  const [coveredHeight, coveredWidth] = [windowHeight * rows, windowWidth * columns];
  const fits =
    coveredHeight <= height && coveredWidth <= width && windowHeight * windowWidth <= MAX_WINDOW_SIZE;
  const isPlain = (textOf(data_format) ?? 'NHWC') === 'NHWC' && `${intsOf(ksize)}` === `${intsOf(strides)}`;
  if (!fits || !isPlain) return undefined;

  const covered = slice(site, inputs[0]!, [0, 0, 0, 0], [batch, coveredHeight, coveredWidth, channels]);
  const windows = reshape(site, covered, [batch, rows, windowHeight, columns, windowWidth, channels]);
  const perWindow = [batch, rows, 1, columns, 1, channels];
  const maxima = reshape(site, inputs[1]!, perWindow);
  const gradient = reshape(site, inputs[2]!, perWindow);
  const zero = graph.add('ZerosLike', [gradient], float32);
  let found: string | undefined; // bool, whether an earlier element of the window equals the maximum
  const windowRows: string[] = [];
  for (let y = 0; y < windowHeight; y++) {
    const elements: string[] = [];
    for (let x = 0; x < windowWidth; x++) {
      const element = slice(site, windows, [0, 0, y, 0, x, 0], perWindow);
      const isMax = graph.add('Equal', [element, maxima], float32);
      const notFound = found && graph.add('LogicalNot', [found]);
      const isFirst = notFound ? graph.add('LogicalAnd', [isMax, notFound]) : isMax;
      found = found ? graph.add('LogicalOr', [found, isMax]) : isMax;
      elements.push(graph.add('SelectV2', [isFirst, gradient, zero], float32));
    }
    windowRows.push(concat(site, elements, 4));
  }
  const gradients = reshape(site, concat(site, windowRows, 2), [
    batch,
    coveredHeight,
    coveredWidth,
    channels,
  ]);
  return padImages(site, gradients, [0, height - coveredHeight], [0, width - coveredWidth]);
}
