import { inflateSync } from 'node:zlib';

/** Values per pixel by color type (PNG specification, section 11.2.1). */
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** First column and row, and their steps, of each pass of an interlaced image (section 8.2). */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/**
 * Describes what is wrong with the image data of a PNG, or returns undefined. pngjs fills missing data with
 * whatever is in memory, so a truncated picture would give different pixels each time.
 *
 * @param bytes of a PNG with a whole IHDR chunk
 */
export function imageDataFault(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const [width, height, depth, color, isInterlaced] = [
    view.getUint32(16),
    view.getUint32(20),
    bytes[24]!,
    bytes[25]!,
    bytes[28] !== 0,
  ];
  const channels = CHANNELS[color];
  if (channels === undefined || ![1, 2, 4, 8, 16].includes(depth))
    return `unknown color type ${color} or depth ${depth}`;
  const rowBytes = (columns: number) => 1 + Math.ceil((columns * channels * depth) / 8);
  const passes = isInterlaced
    ? PASSES.map(([column, row, columnStep, rowStep]) => [
        Math.ceil((width - column) / columnStep),
        Math.ceil((height - row) / rowStep),
      ])
    : [[width, height]];
  const expected = passes.reduce(
    (sum, [columns, rows]) => sum + (columns! > 0 && rows! > 0 ? rows! * rowBytes(columns!) : 0),
    0,
  );
  const parts = imageData(bytes, view);
  if (!parts) return 'file is truncated';
  try {
    const { length } = inflateSync(Buffer.concat(parts), { maxOutputLength: expected });
    return length === expected ? undefined : `image data has ${length} bytes, the header states ${expected}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      return `image data has more than the ${expected} bytes that the header states`;
    return (error as Error).message;
  }
}

/** The content of all IDAT chunks; undefined if the file ends before its IEND chunk. */
function imageData(bytes: Uint8Array, view: DataView): Uint8Array[] | undefined {
  const parts: Uint8Array[] = [];
  for (let position = 8; position + 12 <= bytes.length; ) {
    const length = view.getUint32(position);
    const start = position + 8;
    const type = Buffer.from(bytes.subarray(position + 4, start)).toString('latin1');
    if (type === 'IEND') return parts;
    if (start + length + 4 > bytes.length) return undefined;
    if (type === 'IDAT') parts.push(bytes.subarray(start, start + length));
    position = start + length + 4;
  }
  return undefined;
}
