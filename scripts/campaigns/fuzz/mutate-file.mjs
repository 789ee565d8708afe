// One damaged variant of a file, aware of the file's format.
import { gunzipSync, gzipSync } from 'node:zlib';
import crc32 from 'crc-32';
import { damageBytes, damageLines, pick } from './mutate-bytes.mjs';
import { damageJson, jsonTextOf } from './mutate-json.mjs';
import { readZip, writeZip } from './zip.mjs';

/** @typedef {import('../../../dist/random.js').Random} Random */
/** @typedef {'binary' | 'gzip' | 'png' | 'json' | 'json lines' | 'text' | 'safetensors' | 'zip'} Format */
/** @typedef {{ bytes: Buffer, title: string }} Variant */
/** @typedef {(bytes: Buffer, random: Random) => Variant} Mutator */

/** @type {Readonly<Record<Format, readonly Mutator[]>>} */
const MUTATORS = {
  binary: [damageBytes],
  gzip: [damageBytes, inGzip],
  png: [damageBytes, inPngChunk],
  json: [damageBytes, inJson, inJson, inJson],
  'json lines': [damageBytes, damageLines, inJsonLine],
  text: [damageBytes, damageLines],
  safetensors: [damageBytes, inHeader, inHeader],
  zip: [damageBytes, inZip, inZip],
};

/**
 * @param {Buffer} bytes of the valid file
 * @param {Format} format
 * @param {Random} random
 * @returns {Variant}
 */
export function mutateFile(bytes, format, random) {
  let variant = (pick(MUTATORS[format], random) ?? damageBytes)(bytes, random);
  // One variant in eight is damaged twice.
  if (random.below(8) === 0) {
    const second = damageBytes(variant.bytes, random);
    variant = { bytes: second.bytes, title: `${variant.title}, ${second.title}` };
  }
  return variant;
}

/** Damages what is compressed. @type {Mutator} */
function inGzip(bytes, random) {
  const { bytes: damaged, title } = damageBytes(gunzipSync(bytes), random);
  return { bytes: gzipSync(damaged, { level: 1 }), title: `compressed ${title}` };
}

/** Damages a chunk and corrects its checksum. @type {Mutator} */
function inPngChunk(bytes, random) {
  const chunks = [];
  for (let start = 8; start < bytes.length; start += 12 + bytes.readUInt32BE(start)) chunks.push(start);
  const start = pick(chunks, random) ?? 8;
  const end = start + 8 + bytes.readUInt32BE(start);
  const body = bytes.subarray(start + 4, end);
  const { bytes: damaged, title } = damageBytes(body, random);
  const frame = Buffer.alloc(4);
  frame.writeUInt32BE(Math.max(0, damaged.length - 4));
  const checksum = Buffer.alloc(4);
  checksum.writeInt32BE(crc32.buf(damaged));
  const chunk = [frame, damaged, checksum];
  return {
    bytes: Buffer.concat([bytes.subarray(0, start), ...chunk, bytes.subarray(end + 4)]),
    title: `chunk ${title}`,
  };
}

/** Damages an entry and corrects its checksum. @type {Mutator} */
function inZip(bytes, random) {
  const entries = new Map(readZip(bytes));
  const name = pick([...entries.keys()], random) ?? '';
  const { bytes: damaged, title } = damageBytes(entries.get(name) ?? Buffer.alloc(0), random);
  entries.set(name, damaged);
  return { bytes: writeZip(entries), title: `entry ${title}` };
}

/** @type {Mutator} */
function inJson(bytes, random) {
  const { content, title } = damageJson(JSON.parse(bytes.toString()), random);
  return { bytes: Buffer.from(jsonTextOf(content, random)), title };
}

/** @type {Mutator} */
function inJsonLine(bytes, random) {
  const lines = bytes.toString().trimEnd().split('\n');
  const index = random.below(lines.length);
  const { content, title } = damageJson(JSON.parse(lines[index] ?? '{}'), random);
  lines[index] = JSON.stringify(content) ?? '';
  return { bytes: Buffer.from(`${lines.join('\n')}\n`), title };
}

/** Damages the header of a safetensors file; its length fits in three of four variants. @type {Mutator} */
function inHeader(bytes, random) {
  const length = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length));
  const { content, title } = damageJson(header, random);
  const text = Buffer.from(jsonTextOf(content, random));
  const frame = Buffer.alloc(8);
  frame.writeBigUInt64LE(BigInt(random.below(4) === 0 ? random.below(2 * length) : text.length));
  return { bytes: Buffer.concat([frame, text, bytes.subarray(8 + length)]), title: `header ${title}` };
}
