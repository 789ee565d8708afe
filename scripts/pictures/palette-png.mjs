import { crc32, deflateSync } from 'node:zlib';
import { PNG } from 'pngjs';

/**
 * Writes a picture as PNG with at most 256 colours, a third of the size. pngjs cannot write palettes.
 *
 * @param {Buffer} file a PNG file
 */
export function palettePng(file) {
  const { width, height, data } = PNG.sync.read(file);
  // Similar colours share an entry, as coarsely as needed.
  const bits = [8, 7, 6, 5, 4, 3, 2].find((candidate) => palette(data, candidate).size <= 256) ?? 2;
  const colors = palette(data, bits);
  const indices = new Map([...colors.keys()].map((key, index) => [key, index]));
  const rows = Buffer.alloc((width + 1) * height); // each row starts with its filter, 0
  for (let pixel = 0; pixel < width * height; pixel++) {
    const place = pixel + 1 + Math.floor(pixel / width);
    rows[place] = indices.get(colorKey(data, pixel, bits)) ?? 0;
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3], 8); // 8 bits per pixel, palette
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from([...colors.values()].flatMap(mostFrequent))),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/**
 * How often each colour occurs, by the upper bits of its channels.
 *
 * @param {Uint8Array} data RGBA
 * @param {number} bits per channel
 * @returns {Map<number, Map<number, number>>}
 */
function palette(data, bits) {
  const counts = new Map();
  for (let pixel = 0; pixel < data.length / 4; pixel++) {
    const key = colorKey(data, pixel, bits);
    const color = colorKey(data, pixel, 8);
    const entry = counts.get(key) ?? new Map();
    entry.set(color, (entry.get(color) ?? 0) + 1);
    counts.set(key, entry);
  }
  return counts;
}

/**
 * @param {Uint8Array} data RGBA
 * @param {number} pixel
 * @param {number} bits per channel
 */
function colorKey(data, pixel, bits) {
  const channel = (/** @type {number} */ offset) => (data[4 * pixel + offset] ?? 0) >> (8 - bits);
  return (channel(0) << 16) | (channel(1) << 8) | channel(2);
}

/** @param {Map<number, number>} counts @returns {number[]} red, green and blue */
function mostFrequent(counts) {
  const [[color] = [0]] = [...counts].sort(([, a], [, b]) => b - a);
  return [color >> 16, (color >> 8) & 255, color & 255];
}

/**
 * @param {string} type
 * @param {Buffer} content
 */
function chunk(type, content) {
  const body = Buffer.concat([Buffer.from(type), content]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, checksum]);
}
