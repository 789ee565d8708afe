import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import CRC32 from 'crc-32';
import fc from 'fast-check';
import { PNG } from 'pngjs';
import { describe, expect, test } from 'vitest';
import { DataError } from '../../src/errors.ts';
import { parsePng, writePng } from '../../src/pictures/index.ts';
import { picture } from '../helpers/pictures.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const colours = picture(5, 4, (x, y) => [40 * x, 60 * y, 255 - 40 * x, 255]);

function encoded(options: object): Buffer {
  const png = new PNG({ width: colours.width, height: colours.height });
  png.data = Buffer.from(colours.data);
  return PNG.sync.write(png, options);
}

/** A PNG with these header fields and these raw rows, its checksums right. */
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
  test('reads what was written', async () => {
    const path = join(await temporaryFolder(), 'x.png');
    await writePng(path, colours);
    const { width, height, data } = parsePng(await readFile(path), path);
    expect({ width, height, data: new Uint8Array(data) }).toEqual(colours);
  });

  test('reads grey, grey with alpha, colour, colour with alpha, and 16 bits a channel', () => {
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
    ['text', Buffer.from('hello'), 'x: is no PNG picture; convert it'],
    ['the signature alone', encoded({}).subarray(0, 8), 'x: is no PNG picture'],
    ['a picture cut short', encoded({}).subarray(0, -20), 'x: is a damaged PNG'],
    ['a flipped bit', Buffer.from(encoded({})).fill(0x55, 45, 46), 'x: is a damaged PNG'],
    ['no pixels', pngOf(0, 3, Uint8Array.of(0)), 'x: is 0x3 pixels; draw something'],
    [
      'a picture of terabytes',
      pngOf(4294967295, 4294967295, Uint8Array.of(0)),
      'x: is 4294967295x4294967295 pixels, the most read is 16777216 pixels; make it smaller',
    ],
    [
      'an interlaced file that could hold a bomb',
      pngOf(8, 8, Uint8Array.of(0), { interlace: 1, extra: 2 ** 20 }),
      'save it without interlacing',
    ],
  ])('refuses %s', (_title, bytes, message) => {
    expect(() => parsePng(bytes, 'x')).toThrowError(DataError);
    expect(() => parsePng(bytes, 'x')).toThrowError(message);
  });

  test('unpacks no more rows than the header promises', () => {
    const bomb = pngOf(1, 1, new Uint8Array(2 ** 26));
    const before = process.memoryUsage().arrayBuffers;
    expect(() => parsePng(bomb, 'x')).toThrowError('x: is a damaged PNG');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 24);
  });

  test('reads any bytes behind the signature or refuses them by name', () => {
    const whole = encoded({});
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (place, value, end) => {
        const bytes = Buffer.from(whole.subarray(0, end));
        if (place < end) bytes[place] = value;
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

describe('writePng', () => {
  test('names what it cannot write', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'x.png'));
    await expect(writePng(join(folder, 'x.png'), colours)).rejects.toThrowError('x.png: cannot be written');
    await writeFile(join(folder, 'file'), '');
    await expect(writePng(join(folder, 'file', 'x.png'), colours)).rejects.toThrowError(DataError);
  });
});
