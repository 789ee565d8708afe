import crc32c from 'crc-32/crc32c.js';

/**
 * Frames bytes as one TFRecord: length (uint64), its checksum, the bytes, their checksum, all little-endian
 * (tensorflow/core/lib/io/record_writer.h).
 */
export function encodeRecord(bytes: Uint8Array): Uint8Array {
  const record = new Uint8Array(bytes.length + 16);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(bytes.length), true);
  view.setUint32(8, maskedChecksum(record.subarray(0, 8)), true);
  record.set(bytes, 12);
  view.setUint32(12 + bytes.length, maskedChecksum(bytes), true);
  return record;
}

/** CRC-32C, rotated and shifted so that checksums of data that holds checksums stay good ones (crc32c.h). */
function maskedChecksum(bytes: Uint8Array): number {
  const crc = crc32c.buf(bytes) >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
