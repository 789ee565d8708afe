import type { NodeAttribute } from '../../tensorflow/index.ts';
import { concat, float32, type OpSite, reshape, slice } from './ops.ts';

/** Largest window, in elements, that is written out. */
const LARGEST_WINDOW = 9;

/**
 * The gradient of max pooling whose windows do not overlap: it goes to the first of the largest elements of each
 * window. XLA's own form searches for it anew and scatters, in five kernels; this one is arithmetic that fuses.
 *
 * @param site inputs are what was pooled [n, height, width, channels], the result and its gradient [n, h, w, channels]
 */
export function poolGradient(site: OpSite): string | undefined {
  const { node, inputs, specs, graph, int32 } = site;
  const { ksize, strides, data_format } = node.attributes;
  const [, high, wide] = ints(ksize);
  const [batch, height, width, channels] = specs[0]!.shape as [number, number, number, number];
  const [, rows, columns] = specs[1]!.shape as [number, number, number];
  const covered = [high! * rows, wide! * columns] as const;
  const fits = covered[0] <= height && covered[1] <= width && high! * wide! <= LARGEST_WINDOW;
  const plain = !(data_format && 'string' in data_format) || data_format.string === 'NHWC';
  if (!fits || !plain || `${ints(ksize)}` !== `${ints(strides)}`) return undefined;

  const cropped = slice(site, inputs[0]!, [0, 0, 0, 0], [batch, ...covered, channels]);
  const windows = reshape(site, cropped, [batch, rows, high!, columns, wide!, channels]);
  const [largest, gradient] = inputs
    .slice(1)
    .map((value) => reshape(site, value, [batch, rows, 1, columns, 1, channels])) as [string, string];
  const zero = graph.add('ZerosLike', [gradient], float32);
  let taken: string | undefined;
  const lines: string[] = [];
  for (let row = 0; row < high!; row++) {
    const line: string[] = [];
    for (let column = 0; column < wide!; column++) {
      const one = slice(site, windows, [0, 0, row, 0, column, 0], [batch, rows, 1, columns, 1, channels]);
      const equal = graph.add('Equal', [one, largest], float32);
      const free = taken && graph.add('LogicalNot', [taken]);
      const first = free ? graph.add('LogicalAnd', [equal, free]) : equal;
      taken = taken ? graph.add('LogicalOr', [taken, equal]) : equal;
      line.push(graph.add('SelectV2', [first, gradient, zero], float32));
    }
    lines.push(concat(site, line, 4));
  }
  const whole = reshape(site, concat(site, lines, 2), [batch, ...covered, channels]);
  if (covered[0] === height && covered[1] === width) return whole;
  const margins = [0, 0, 0, height - covered[0], 0, width - covered[1], 0, 0];
  return graph.add('Pad', [whole, int32(margins, [4, 2])], { ...float32, Tpaddings: { type: 'int32' } });
}

const ints = (attribute: NodeAttribute | undefined): readonly number[] =>
  attribute && 'ints' in attribute ? attribute.ints : [];
