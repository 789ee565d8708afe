/**
 * Lowerings of 2-D convolutions with few terms, such as the first layer of a network on grey images. As
 * arithmetic they are fused with the activation and pooling behind them, while cuDNN takes several kernels,
 * some only to change layouts.
 *
 * Images are [batch, height, width, channels], filters [filterHeight, filterWidth, channels, outputs]. The
 * window of the filters moves by one pixel, and has [rows, columns] positions on the padded image. A tap is
 * one element [y, x, channel] of the window; each output is a sum over the taps.
 */
import { addN, concat, float32, intsOf, type OpSite, padImages, reshape, slice, sum, textOf } from './ops.ts';

/** Most taps of a convolution that is written as arithmetic: enough for 3 x 3 pixels of one channel. */
const MAX_TAPS = 16;

interface Convolution {
  /** The images with their padding. */
  readonly images: string;
  readonly batch: number;
  readonly rows: number;
  readonly columns: number;
  readonly outputs: number;
  readonly taps: readonly Tap[];
}

type Tap = readonly [y: number, x: number, channel: number];

/**
 * `Conv2D` as a sum of products, one for each tap.
 *
 * @param site inputs are images and filters, float32
 * @returns [batch, rows, columns, outputs] float32; undefined if the convolution has more than `MAX_TAPS`
 *   taps, strides, dilations, or another layout
 */
export function lowerConv2D(site: OpSite): string | undefined {
  const { inputs, specs, graph, node } = site;
  const convolution = parseConvolution(site, specs[1]!.shape, node.outputs[0]!.shape);
  if (!convolution) return undefined;
  const terms = convolution.taps.map((tap) => {
    const weights = slice(site, inputs[1]!, [...tap, 0], [1, 1, 1, convolution.outputs]);
    return graph.add('Mul', [pixelsAt(site, convolution, tap), weights], float32);
  });
  return addN(site, terms);
}

/**
 * `Conv2DBackpropFilter`, the gradient of the filters: for each tap and output, the sum over all positions of
 * the pixel times the gradient.
 *
 * @param site inputs are the images, the filters' shape [4] int32, and the gradient of the result, [batch,
 *   rows, columns, outputs]
 * @returns float32 of the filters' shape; undefined as in `lowerConv2D`
 */
export function lowerConv2DBackpropFilter(site: OpSite): string | undefined {
  const { inputs, specs, graph, node } = site;
  const filterShape = node.outputs[0]!.shape;
  const convolution = parseConvolution(site, filterShape, specs[2]!.shape);
  if (!convolution) return undefined;
  const { batch, rows, columns, taps, outputs } = convolution;
  const positions = batch * rows * columns;
  const windows = concat(
    site,
    taps.map((tap) => pixelsAt(site, convolution, tap)),
    3,
  ); // [batch, rows, columns, taps]
  const factors = [
    reshape(site, windows, [positions, taps.length, 1]),
    reshape(site, inputs[2]!, [positions, 1, outputs]),
  ];
  return reshape(site, sum(site, graph.add('Mul', factors, float32), 0), filterShape);
}

/** The pixel under a tap at each position of the window, [batch, rows, columns, 1]. */
function pixelsAt(site: OpSite, { images, batch, rows, columns }: Convolution, [y, x, channel]: Tap): string {
  return slice(site, images, [0, y, x, channel], [batch, rows, columns, 1]);
}

/** @param outputShape [batch, rows, columns, outputs] */
function parseConvolution(
  site: OpSite,
  filterShape: readonly number[],
  outputShape: readonly number[],
): Convolution | undefined {
  const { strides, dilations, data_format, padding } = site.node.attributes;
  const [height, width, channels, outputs] = filterShape as [number, number, number, number];
  const [batch, rows, columns] = outputShape as [number, number, number, number];
  const allOnes = (ints: readonly number[] = []) => ints.every((size) => size === 1);
  const isPlain = textOf(data_format) === 'NHWC' && allOnes(intsOf(strides)) && allOnes(intsOf(dilations));
  const paddingKind = textOf(padding);
  const isSame = paddingKind === 'SAME';
  const tapCount = height * width * channels;
  if (!isPlain || tapCount > MAX_TAPS || (!isSame && paddingKind !== 'VALID')) return undefined;
  const taps = Array.from({ length: tapCount }, (_, index): Tap => {
    const position = Math.floor(index / channels);
    return [Math.floor(position / width), position % width, index % channels];
  });
  const images = isSame
    ? padImages(site, site.inputs[0]!, halves(height - 1), halves(width - 1))
    : site.inputs[0]!;
  return { images, batch, rows, columns, outputs, taps };
}

/** Padding before and behind. TensorFlow puts the larger half of an odd number behind. */
const halves = (size: number) => [Math.floor(size / 2), Math.ceil(size / 2)] as const;
