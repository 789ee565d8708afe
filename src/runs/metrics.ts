import { readFile, writeFile } from 'node:fs/promises';
import { CheckpointError } from '../errors.ts';
import { onDisk } from '../files/on-disk.ts';

/** Writes the loss of each step as `metrics.jsonl`, a line each: `{"step":1,"loss":2.31}`. */
export async function writeMetrics(path: string, losses: Float32Array, firstStep = 1): Promise<void> {
  let text = '';
  for (let index = 0; index < losses.length; index++) {
    text += `{"step":${firstStep + index},"loss":${Number(losses[index]!.toPrecision(9))}}\n`;
  }
  await onDisk(CheckpointError, path, 'written', () => writeFile(path, text));
}

/** Reads `metrics.jsonl` back: the losses in the order of the steps. */
export async function readMetrics(path: string): Promise<Float32Array> {
  const text = await onDisk(CheckpointError, path, 'read', () => readFile(path, 'utf8'));
  const lines = text.split('\n').filter((line) => line !== '');
  return Float32Array.from(lines, (line, index) => {
    try {
      return (JSON.parse(line) as { loss: number }).loss;
    } catch {
      throw new CheckpointError(`${path}: line ${index + 1} is not JSON; the file is damaged`);
    }
  });
}
