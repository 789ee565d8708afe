import { DataError } from '../errors.ts';
import { shorten } from '../text/index.ts';
import type { IdxArray } from './idx.ts';

/** Longest header that is read, in bytes. Headers have a few dozen; NumPy rejects more than 10,000. */
const MAX_HEADER_BYTES = 10_000;

type Reader = (view: DataView, position: number, isLittle: boolean) => number;

/** Size and reader of the types that labels and pixels are stored in, by NumPy's type code. */
const TYPES: Readonly<Record<string, readonly [bytes: number, read: Reader]>> = {
  b1: [1, (view, at) => view.getUint8(at)],
  u1: [1, (view, at) => view.getUint8(at)],
  i1: [1, (view, at) => view.getInt8(at)],
  u2: [2, (view, at, little) => view.getUint16(at, little)],
  i2: [2, (view, at, little) => view.getInt16(at, little)],
  u4: [4, (view, at, little) => view.getUint32(at, little)],
  i4: [4, (view, at, little) => view.getInt32(at, little)],
  u8: [8, (view, at, little) => Number(view.getBigUint64(at, little))],
  i8: [8, (view, at, little) => Number(view.getBigInt64(at, little))],
  f4: [4, (view, at, little) => view.getFloat32(at, little)],
  f8: [8, (view, at, little) => view.getFloat64(at, little)],
};

/**
 * Parses a NumPy array of whole numbers from 0 to 255, of any number type (numpy.lib.format, versions 1 to 3).
 *
 * @param name for messages
 * @returns `values` is a view of `bytes` for arrays of bytes
 * @throws DataError if the bytes are not such an array
 */
export function parseNpy(bytes: Uint8Array, name: string): IdxArray {
  const invalid = (problem: string) => new DataError('invalid-data', `${name}: ${problem}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (Buffer.from(bytes.subarray(0, 6)).toString('latin1') !== '\x93NUMPY' || bytes.length < 12) {
    throw invalid('not a NumPy array; save it with numpy.savez');
  }
  const start = bytes[6] === 1 ? 10 : 12;
  const headerBytes = start === 10 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (headerBytes > Math.min(MAX_HEADER_BYTES, bytes.length - start)) {
    throw invalid(`the header states ${headerBytes} bytes; the file is damaged`);
  }
  const header = Buffer.from(bytes.subarray(start, start + headerBytes)).toString('latin1');
  const [, order, type = ''] = /'descr'\s*:\s*'([<>|=])([a-z]\d+)'/.exec(header) ?? [];
  const [, sizes] = /'shape'\s*:\s*\(([\d,\sL]*)\)/.exec(header) ?? [];
  const [bytesPerValue, read] = TYPES[type] ?? [];
  if (sizes === undefined || !bytesPerValue || !read) {
    const [, found = 'unknown'] = /'descr'\s*:\s*(\S+?)[,}]/.exec(header) ?? [];
    throw invalid(`values are of type ${shorten(found, 20)}; save whole numbers from 0 to 255 as uint8`);
  }
  const shape = (sizes.match(/\d+/g) ?? []).map(Number);
  if (shape.length > 1 && /'fortran_order'\s*:\s*True/.test(header)) {
    throw invalid('is stored in Fortran order; save it with numpy.ascontiguousarray');
  }
  const count = shape.reduce((product, size) => product * size, 1);
  const offset = start + headerBytes;
  if (bytes.length - offset !== count * bytesPerValue) {
    throw invalid(
      `shape [${shape.join(', ')}] takes ${count * bytesPerValue} bytes, there are ${bytes.length - offset}; the file is damaged`,
    );
  }
  if (type === 'u1' || type === 'b1') return { shape, values: bytes.subarray(offset) };
  const values = new Uint8Array(count);
  for (let index = 0; index < count; index++) {
    const value = read(view, offset + index * bytesPerValue, order !== '>');
    if (!(Number.isInteger(value) && value >= 0 && value <= 255)) {
      const isScaled = value > 0 && value < 1;
      throw invalid(
        `value ${value} at position ${index} is not a whole number from 0 to 255; ` +
          (isScaled ? 'multiply by 255 and save as uint8' : 'save whole numbers from 0 to 255'),
      );
    }
    values[index] = value;
  }
  return { shape, values };
}
