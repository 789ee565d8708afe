import { alignedBytes } from '../data/index.ts';
import { DataError } from '../errors.ts';
import { shorten } from '../text/index.ts';
import type { LabelledArrays } from './mnist-files.ts';

/** What the first line of a CSV file says about its columns. */
export interface CsvColumns {
  readonly count: number;
  /** Column of the labels; undefined if all columns are pixels, as in Kaggle's test.csv. */
  readonly label?: number;
  readonly hasHeader: boolean;
}

/** The longest first line that is read, in bytes. 785 names of MNIST's columns take 8,000. */
export const MAX_CSV_HEADER_BYTES = 2 ** 20;

const LABEL_NAME = /^(label|labels|class|target|digit|y)$/i;
const [COMMA, LINE_FEED, RETURN, SPACE, QUOTE, DOT, ZERO] = [0x2c, 0x0a, 0x0d, 0x20, 0x22, 0x2e, 0x30];

/**
 * Reads the first line of a CSV file of images: a column of labels, and a column for each pixel of a square image. The names
 * in Kaggle's files are `label,pixel0,pixel1,...`; without names the first column is the label.
 *
 * @param start first bytes of the file, `MAX_CSV_HEADER_BYTES` or all
 * @returns undefined if the file is not such a table
 */
export function csvColumns(start: Uint8Array): CsvColumns | undefined {
  const bytes = start.subarray(byteOrderMark(start));
  const end = bytes.indexOf(LINE_FEED);
  const line = Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('latin1');
  const cells = line.split(',').map((cell) => cell.replace(/["\s]/g, ''));
  const count = cells.length;
  const isSquare = (pixels: number) => pixels > 1 && Number.isInteger(Math.sqrt(pixels));
  const hasHeader = cells.some((cell) => !/^\d+(\.0*)?$/.test(cell));
  const named = cells.findIndex((cell) => LABEL_NAME.test(cell));
  if (hasHeader && named >= 0 && isSquare(count - 1)) return { count, label: named, hasHeader };
  if (isSquare(count)) return { count, hasHeader };
  return isSquare(count - 1) ? { count, label: 0, hasHeader } : undefined;
}

/**
 * Parses a CSV file of images. It has tens of millions of numbers, each at most three digits, for which general CSV
 * libraries take minutes and gigabytes: they make a string of each.
 *
 * @param name for messages
 * @throws DataError with line and column of a value that is not a whole number from 0 to 255, or a line of another length
 */
export function parseCsv(bytes: Uint8Array, columns: CsvColumns, name: string): LabelledArrays {
  const { count: width, label: labelColumn = 0 } = columns;
  const pixels = width - 1;
  // A value takes at least two bytes, with its separator.
  const capacity = Math.floor((bytes.length + 1) / (2 * width)) + 1;
  const images = alignedBytes(capacity * pixels);
  const labels = new Uint8Array(capacity);
  let [row, column, value, line] = [0, 0, -1, 1];
  let inFraction = false;
  const fail = (problem: string) =>
    new DataError('invalid-data', `${name}: line ${line}, column ${column + 1}: ${problem}`);
  const store = () => {
    if (value < 0) throw fail('has no value; use whole numbers from 0 to 255');
    if (column >= width) throw fail(`the line has more than ${width} columns; save the file again`);
    if (column === labelColumn) labels[row] = value;
    else images[row * pixels + column - (column > labelColumn ? 1 : 0)] = value;
    column += 1;
    value = -1;
    inFraction = false;
  };
  const endLine = () => {
    if (column > 0 || value >= 0) {
      store();
      if (column < width) throw fail(`the line has ${column} columns, not ${width}; save the file again`);
      row += 1;
    }
    column = 0;
    line += 1;
  };
  let position = byteOrderMark(bytes);
  if (columns.hasHeader) {
    const end = bytes.indexOf(LINE_FEED, position);
    position = end < 0 ? bytes.length : end + 1;
    line = 2;
  }
  for (; position < bytes.length; position++) {
    const byte = bytes[position]!;
    const digit = byte - ZERO;
    if (digit >= 0 && digit <= 9 && !(inFraction && digit > 0)) {
      if (!inFraction) value = (value < 0 ? 0 : value * 10) + digit;
      if (value > 255) throw fail(`above 255; use whole numbers from 0 to 255`);
    } else if (byte === COMMA) store();
    else if (byte === LINE_FEED) endLine();
    else if (byte === DOT && value >= 0 && !inFraction) inFraction = true;
    else if (byte !== RETURN && byte !== SPACE && byte !== QUOTE) {
      const text = Buffer.from(bytes.subarray(position, position + 20)).toString('latin1');
      throw fail(`'${shorten(text.split(/[,\n]/)[0]!, 12)}' is not a whole number from 0 to 255`);
    }
  }
  endLine();
  const side = Math.sqrt(pixels);
  return {
    images: { shape: [row, side, side], values: images.subarray(0, row * pixels) },
    labels: { shape: [row], values: labels.subarray(0, row) },
  };
}

function byteOrderMark(bytes: Uint8Array): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}
