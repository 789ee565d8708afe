import { deflateSync } from 'node:zlib';
import CRC32 from 'crc-32';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DataError } from '../../src/errors.ts';
import { encodeGreyPng, parsePng } from '../../src/pictures/index.ts';
import { encodePicture, picture } from '../helpers/pictures.ts';

fc.configureGlobal({ seed: 1 });

const colours = picture(5, 4, (x, y) => [40 * x, 60 * y, 255 - 40 * x, 255]);
const encoded = (options = {}) => encodePicture(colours, options);

/** A PNG with these header fields and these raw rows, and correct checksums. */
function pngOf(width: number, height: number, raw: Uint8Array, { interlace = 0, extra = 0 } = {}): Buffer {
  const chunk = (name: string, data: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(name), data]);
    const framed = Buffer.alloc(body.length + 8);
    framed.writeUInt32BE(data.length, 0);
    framed.set(body, 4);
    framed.writeUInt32BE(CRC32.buf(body) >>> 0, body.length + 4);
    return framed;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 0, 0, 0, interlace], 8);
  return Buffer.concat([
    Buffer.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk('IHDR', header),
    chunk('tEXt', new Uint8Array(extra)),
    chunk('IDAT', deflateSync(raw)),
    chunk('IEND', new Uint8Array()),
  ]);
}

describe('parsePng', () => {
  test('returns the colours of every pixel', () => {
    const { width, height, data } = parsePng(encoded(), 'x');
    expect({ width, height, data: new Uint8Array(data) }).toEqual(colours);
  });

  test('reads grey, grey with alpha, colour, colour with alpha, and 16 bits per channel', () => {
    for (const options of [
      { colorType: 0 },
      { colorType: 4 },
      { colorType: 2 },
      { colorType: 6 },
      { colorType: 6, bitDepth: 16 },
    ]) {
      const { width, height, data } = parsePng(encoded(options), 'x');
      expect([width, height, data.length]).toEqual([5, 4, 80]);
    }
    expect([...parsePng(pngOf(2, 1, Uint8Array.of(0, 7, 200)), 'x').data]).toEqual([
      7, 7, 7, 255, 200, 200, 200, 255,
    ]);
  });

  test.each([
    ['text', Buffer.from('hello'), 'x: not a PNG file (magic 68656c6c); save it as PNG'],
    ['a file that ends after the signature', encoded().subarray(0, 8), 'x: not a PNG file'],
    ['a truncated picture', encoded().subarray(0, -20), 'x: damaged PNG file'],
    [
      'image data that is shorter than the header states',
      pngOf(4, 3, new Uint8Array(10)),
      'x: damaged PNG file (image data has 10 bytes, the header states 15); save it again',
    ],
    ['image data that is cut off', encoded().fill(0, 60), 'x: damaged PNG file'],
    [
      'a picture of millions of rows, which takes minutes to decode',
      pngOf(1, 2 ** 20, new Uint8Array(2 ** 21)),
      'x: too wide or too tall (1x1048576, limit 32768); scale the picture down',
    ],
    ['a flipped bit', Buffer.from(encoded()).fill(0x55, 45, 46), 'x: damaged PNG file'],
    [
      'a picture without pixels',
      pngOf(0, 3, Uint8Array.of(0)),
      'x: the picture has no pixels (0x3); remove it',
    ],
    [
      'a picture of terabytes',
      pngOf(4294967295, 4294967295, Uint8Array.of(0)),
      'x: too many pixels (4294967295x4294967295, limit 16777216); scale the picture down',
    ],
    [
      'a large interlaced file, which could be a decompression bomb',
      pngOf(8, 8, Uint8Array.of(0), { interlace: 1, extra: 2 ** 20 }),
      'save it without interlacing',
    ],
  ])('rejects %s', (_title, bytes, message) => {
    expect(() => parsePng(bytes, 'x')).toThrowError(DataError);
    expect(() => parsePng(bytes, 'x')).toThrowError(message);
  });

  test('does not unpack more rows than the header declares', () => {
    const bomb = pngOf(1, 1, new Uint8Array(2 ** 26));
    const before = process.memoryUsage().arrayBuffers;
    expect(() => parsePng(bomb, 'x')).toThrowError('x: damaged PNG file');
    // The bomb unpacks to 2^26 bytes.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 24);
  });

  test('throws nothing but DataError for damaged bytes', () => {
    const whole = encoded();
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (position, value, end) => {
        const bytes = Buffer.from(whole.subarray(0, end));
        if (position < end) bytes[position] = value;
        try {
          parsePng(bytes, 'x');
        } catch (error) {
          if (!(error instanceof DataError)) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });
});

test('encodeGreyPng writes every shade, and the same bytes for the same pixels', () => {
  const pixels = Uint8Array.from({ length: 256 }, (_, shade) => shade);
  const bytes = encodeGreyPng(pixels, { height: 8, width: 32 });
  const { width, height, data } = parsePng(bytes, 'x');
  expect([width, height]).toEqual([32, 8]);
  expect([...data]).toEqual([...pixels].flatMap((shade) => [shade, shade, shade, 255]));
  expect(encodeGreyPng(pixels, { height: 8, width: 32 })).toEqual(bytes);
});
