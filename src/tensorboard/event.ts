import crc32c from 'crc-32/crc32c.js';
import protobuf from 'protobufjs/light.js';

/** The messages of tensorboard/compat/proto/{event,summary}.proto, with only the fields that are written here. */
const messages = {
  Event: {
    fields: {
      wallTime: { type: 'double', id: 1 },
      step: { type: 'int64', id: 2 },
      fileVersion: { type: 'string', id: 3 },
      summary: { type: 'Summary', id: 5 },
      sessionLog: { type: 'SessionLog', id: 7 },
    },
  },
  Summary: { fields: { value: { rule: 'repeated', type: 'Value', id: 1 } } },
  Value: { fields: { tag: { type: 'string', id: 1 }, simpleValue: { type: 'float', id: 2 } } },
  SessionLog: { fields: { status: { type: 'int32', id: 1 } } },
};

/** SessionLog.START: TensorBoard drops the events of earlier files from this step on. */
const SESSION_START = 1;

const eventType = protobuf.Root.fromJSON({ nested: messages }).lookupType('Event');

/**
 * The first event of every file.
 *
 * @param wallTime in seconds since 1970
 */
export function versionEvent(wallTime: number): Uint8Array {
  return encodeEvent({ wallTime, fileVersion: 'brain.Event:2' });
}

/** Marks that a run resumes at `step`, so that values of earlier files from this step on are dropped. */
export function resumeEvent(wallTime: number, step: number): Uint8Array {
  return encodeEvent({ wallTime, step, sessionLog: { status: SESSION_START } });
}

/** The values of one step, by tag. */
export function scalarEvent(
  wallTime: number,
  step: number,
  values: Readonly<Record<string, number>>,
): Uint8Array {
  const value = Object.entries(values).map(([tag, simpleValue]) => ({ tag, simpleValue }));
  return encodeEvent({ wallTime, step, summary: { value } });
}

/** Encodes an event as the protobuf message in a TFRecord that event files consist of. */
function encodeEvent(event: Record<string, unknown>): Uint8Array {
  return encodeRecord(eventType.encode(eventType.create(event)).finish());
}

/**
 * Frames bytes as one TFRecord: length (uint64), checksum of the length, the bytes, checksum of the bytes; all
 * little-endian (tensorflow/core/lib/io/record_writer.h).
 */
function encodeRecord(bytes: Uint8Array): Uint8Array {
  const record = new Uint8Array(bytes.length + 16);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(bytes.length), true);
  view.setUint32(8, maskedChecksum(record.subarray(0, 8)), true);
  record.set(bytes, 12);
  view.setUint32(12 + bytes.length, maskedChecksum(bytes), true);
  return record;
}

/**
 * CRC-32C, masked as TFRecord requires: a checksum over data that contains checksums is weak, so stored ones are
 * rotated by 15 bits and shifted by a constant (tensorflow/core/lib/hash/crc32c.h).
 */
function maskedChecksum(bytes: Uint8Array): number {
  const crc = crc32c.buf(bytes) >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
