// Zip archives without compression, as NumPy's savez writes them.
import crc32 from 'crc-32';

/** @typedef {ReadonlyMap<string, Buffer>} Entries content by name */

const LOCAL_BYTES = 30;

/**
 * @param {Entries} entries
 * @returns {Buffer}
 */
export function writeZip(entries) {
  const locals = [];
  const directory = [];
  let offset = 0;
  for (const [name, content] of entries) {
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeInt32LE(crc32.buf(content), 10);
    common.writeUInt32LE(content.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\u0003\u0004'), common, Buffer.from(name), content]);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\u0001\u0002\u0014\u0000'), common, place, Buffer.from(name));
    locals.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.size, 4);
  end.writeUInt16LE(entries.size, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, central, Buffer.from('PK\u0005\u0006'), end]);
}

/**
 * The entries of an archive of `writeZip`.
 *
 * @param {Buffer} bytes
 * @returns {Entries}
 */
export function readZip(bytes) {
  /** @type {Map<string, Buffer>} */
  const entries = new Map();
  for (let start = 0; bytes.toString('latin1', start, start + 4) === 'PK\u0003\u0004'; ) {
    const content = start + LOCAL_BYTES + bytes.readUInt16LE(start + 26);
    const end = content + bytes.readUInt32LE(start + 18);
    entries.set(bytes.toString('latin1', start + LOCAL_BYTES, content), bytes.subarray(content, end));
    start = end;
  }
  return entries;
}

/**
 * An array of NumPy's format, of unsigned bytes.
 *
 * @param {readonly number[]} shape
 * @param {Uint8Array} values
 */
export function npyOf(shape, values) {
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const padded = `${text.padEnd(118 - 1)}\n`;
  const frame = Buffer.from('\u0093NUMPY\u0001\u0000', 'latin1');
  const length = Buffer.alloc(2);
  length.writeUInt16LE(padded.length);
  return Buffer.concat([frame, length, Buffer.from(padded), values]);
}
