import type { NodeAttribute } from '../../tensorflow/index.ts';
import { concat, float32, type OpSite, reshape, slice, sum } from './ops.ts';

/** Most terms of the sum behind each number of a convolution that is written out: 3 x 3 pixels of one channel. */
const MOST_TERMS = 16;

/** A convolution over images [batch, height, width, channels] that moves by one pixel. */
interface Convolution extends OpSite {
  /** The images, with their margins where the convolution pads them. */
  readonly images: string;
  readonly batch: number;
  /** Places of the window: rows and columns. */
  readonly places: readonly [number, number];
  readonly outputs: number;
  /** Where in the window, [row, column, channel], each term comes from. */
  readonly taps: readonly (readonly [number, number, number])[];
}

/**
 * A convolution with few terms, such as the first of a net for grey images, as arithmetic: XLA puts it into one kernel
 * with the activation and the pooling behind it, where cuDNN takes several, to turn layouts among others.
 *
 * @param site inputs are images and filters [height, width, channels, outputs]
 */
export function convolution(site: OpSite): string | undefined {
  const { inputs, specs, graph, node } = site;
  const parts = partsOf(site, specs[1]!.shape, node.outputs[0]!.shape);
  const terms = parts?.taps.map((tap) => {
    const filters = slice(site, inputs[1]!, [...tap, 0], [1, 1, 1, parts.outputs]);
    return graph.add('Mul', [pixels(parts, tap), filters], float32);
  });
  return terms && graph.add('AddN', terms, { ...float32, N: { int: terms.length } });
}

/**
 * The gradient of such a convolution's filters: one sum over all places of each pixel in the window times the gradient.
 *
 * @param site inputs are images, the filters' shape, and the gradient of the results
 */
export function filterGradient(site: OpSite): string | undefined {
  const { inputs, specs, graph, node } = site;
  const filters = node.outputs[0]!.shape;
  const parts = partsOf(site, filters, specs[2]!.shape);
  if (!parts) return undefined;
  const { batch, places, taps, outputs } = parts;
  const all = batch * places[0] * places[1];
  const windows = concat(
    site,
    taps.map((tap) => pixels(parts, tap)),
    3,
  );
  const factors = [
    reshape(site, windows, [all, taps.length, 1]),
    reshape(site, inputs[2]!, [all, 1, outputs]),
  ];
  return reshape(site, sum(site, graph.add('Mul', factors, float32), 0), filters);
}

/** What the window has at one of its pixels, at each place [batch, rows, columns, 1]. */
function pixels(
  { batch, places, images, ...site }: Convolution,
  [row, column, channel]: readonly [number, number, number],
): string {
  return slice(site, images, [0, row, column, channel], [batch, ...places, 1]);
}

function partsOf(
  site: OpSite,
  filters: readonly number[],
  results: readonly number[],
): Convolution | undefined {
  const { strides, dilations, data_format, padding } = site.node.attributes;
  const [height, width, channels, outputs] = filters as [number, number, number, number];
  const [batch, rows, columns] = results as [number, number, number, number];
  const plain = text(data_format) === 'NHWC' && allOnes(strides) && allOnes(dilations);
  if (!plain || height * width * channels > MOST_TERMS) return undefined;
  const margins = text(padding) === 'SAME' ? [height - 1, width - 1] : [0, 0];
  if (!['SAME', 'VALID'].includes(text(padding) ?? '')) return undefined;
  const taps = Array.from({ length: height * width * channels }, (_, index) => {
    const place = Math.floor(index / channels);
    return [Math.floor(place / width), place % width, index % channels] as const;
  });
  const images = padded(site, site.inputs[0]!, margins as [number, number]);
  return { ...site, images, batch, places: [rows, columns], outputs, taps };
}

/** Images with margins of zeros; of an odd number, the larger half comes behind, as TensorFlow has it. */
function padded(site: OpSite, images: string, [high, wide]: readonly [number, number]): string {
  if (high === 0 && wide === 0) return images;
  const halves = (margin: number) => [Math.floor(margin / 2), Math.ceil(margin / 2)];
  const margins = site.int32([0, 0, ...halves(high), ...halves(wide), 0, 0], [4, 2]);
  return site.graph.add('Pad', [images, margins], { ...float32, Tpaddings: { type: 'int32' } });
}

const text = (attribute: NodeAttribute | undefined): string | undefined =>
  attribute && 'string' in attribute ? attribute.string : undefined;

const allOnes = (attribute: NodeAttribute | undefined): boolean =>
  attribute === undefined || ('ints' in attribute && attribute.ints.every((one) => Number(one) === 1));
