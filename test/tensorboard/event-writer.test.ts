import { readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { createEventWriter } from '../../src/tensorboard/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** The parts of event.proto and summary.proto that the writer uses. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Event { double wall_time = 1; int64 step = 2;
    oneof what { string file_version = 3; Summary summary = 5; SessionLog session_log = 7; } }
  message Summary { message Value { string tag = 1; float simple_value = 2; } repeated Value value = 1; }
  message SessionLog { int32 status = 1; }
`);

function eventsIn(bytes: Buffer) {
  const type = root.lookupType('Event');
  const events: Record<string, unknown>[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(offset));
    const message = type.decode(bytes.subarray(offset + 12, offset + 12 + length));
    events.push(type.toObject(message, { longs: Number }));
    offset += length + 16;
  }
  return events;
}

describe('createEventWriter', () => {
  test('frames records as TensorFlow does', async () => {
    const writer = await createEventWriter(await temporaryFolder(), { now: () => 1_234_500 });
    await writer.close();
    // The first record of an event file that tensorboard 2.21 wrote at wall time 1234.5.
    expect((await readFile(writer.path)).toString('hex')).toBe(
      '1800000000000000a37f4b220900000000004a93401a0d627261696e2e4576656e743a3265b8d3fb',
    );
  });

  test('writes the version event, then one event per step with all its values', async () => {
    const folder = join(await temporaryFolder(), 'logs', 'run');
    let milliseconds = 1_234_500;
    const writer = await createEventWriter(folder, { now: () => milliseconds });
    milliseconds += 1500;
    await writer.write([
      { step: 10, values: { loss: 0.5, learning_rate: 0.25 } },
      { step: 2 ** 40, values: { 'accuracy/3': 0.75 } },
    ]);
    await writer.close();
    expect(dirname(writer.path)).toBe(folder);
    expect(eventsIn(await readFile(writer.path))).toEqual([
      { wallTime: 1234.5, fileVersion: 'brain.Event:2' },
      {
        wallTime: 1236,
        step: 10,
        summary: {
          value: [
            { tag: 'loss', simpleValue: 0.5 },
            { tag: 'learning_rate', simpleValue: 0.25 },
          ],
        },
      },
      { wallTime: 1236, step: 2 ** 40, summary: { value: [{ tag: 'accuracy/3', simpleValue: 0.75 }] } },
    ]);
  });

  test('writes points to the file before it is closed', async () => {
    const writer = await createEventWriter(await temporaryFolder());
    await writer.write([{ step: 1, values: { loss: 1 } }]);
    expect(eventsIn(await readFile(writer.path))).toHaveLength(2);
    await writer.close();
  });

  test('gives files created in the same second different names', async () => {
    const folder = await temporaryFolder();
    const writers = await Promise.all([1, 2, 3].map(() => createEventWriter(folder, { now: () => 5000 })));
    await Promise.all(writers.map((writer) => writer.close()));
    expect(new Set(writers.map(({ path }) => path)).size).toBe(3);
    expect((await readdir(folder)).every((name) => name.startsWith('events.out.tfevents.5.'))).toBe(true);
    expect(basename(writers[0]!.path)).toContain(`${process.pid}`);
  });

  test('marks the step at which a run resumes', async () => {
    const writer = await createEventWriter(await temporaryFolder(), { resumedAt: 40, now: () => 1000 });
    await writer.close();
    expect(eventsIn(await readFile(writer.path))[1]).toEqual({
      wallTime: 1,
      step: 40,
      sessionLog: { status: 1 },
    });
  });

  test('reports the first failed write to onFailure, and throws it if there is none', async () => {
    const failures: string[] = [];
    const point = [{ step: 1, values: { loss: 1 } }];
    // Writing to a closed file fails as writing to a full disk would.
    const closedWriter = async (onFailure?: (error: Error) => void) => {
      const writer = await createEventWriter(await temporaryFolder(), { onFailure });
      await writer.close();
      return writer;
    };
    const reporting = await closedWriter((error) => failures.push(error.message));
    await reporting.write(point);
    await reporting.write(point);
    expect(failures).toEqual([expect.stringMatching(/\.tfjs-lora: cannot be written: EBADF$/)]);
    await expect((await closedWriter()).write(point)).rejects.toThrowError(UsageError);
  });

  test('throws at the start if the folder cannot be created or written', async () => {
    const path = join(await temporaryFolder(), 'file');
    await writeFile(path, '');
    await expect(createEventWriter(path)).rejects.toThrowError(UsageError);
    await expect(createEventWriter(join(path, 'x'))).rejects.toThrowError(
      /x: cannot be written: a part of the path is a file; check the path$/,
    );
  });
});
