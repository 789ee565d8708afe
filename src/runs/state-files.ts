import { dirname } from 'node:path';
import { checkText } from '../arguments.ts';
import { CheckpointError } from '../errors.ts';
import { ensureDir, withFileErrors } from '../files/index.ts';
import {
  float32Values,
  readSafetensors,
  type SafeTensor,
  safeTensor,
  writeSafetensors,
} from '../safetensors/index.ts';
import type { TrainingState } from '../training/index.ts';

/**
 * Writes what training needs to resume, as a safetensors file with the tensors `weights/<name>` and
 * `slots/<slot>/<name>` (the optimizer's), both [values] float32, and the step as metadata.
 *
 * @throws CheckpointError if the file cannot be written
 */
export async function writeState(path: string, state: TrainingState): Promise<void> {
  checkText('path', path);
  const tensors = new Map<string, SafeTensor>();
  for (const part of ['weights', 'slots'] as const) {
    for (const [name, values] of state[part])
      tensors.set(`${part}/${name}`, safeTensor(values, [values.length]));
  }
  await withFileErrors(CheckpointError, dirname(path), 'created', () => ensureDir(dirname(path)));
  await writeSafetensors(path, tensors, new Map([['step', String(state.step)]]));
}

/**
 * Reads a file of `writeState`.
 *
 * @throws CheckpointError if the file is damaged or not a training state
 */
export async function readState(path: string): Promise<TrainingState> {
  checkText('path', path);
  const { tensors, metadata } = await readSafetensors(path);
  const step = Number(metadata.get('step'));
  if (!Number.isSafeInteger(step) || step < 0) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${path}: not a training state (its step is ${metadata.get('step')})`,
    );
  }
  const parts = { weights: new Map<string, Float32Array>(), slots: new Map<string, Float32Array>() };
  for (const [name, tensor] of tensors) {
    const [part, ...rest] = name.split('/');
    if (part !== 'weights' && part !== 'slots') {
      throw new CheckpointError(
        'invalid-checkpoint',
        `${path}: not a training state (it has a tensor '${name}')`,
      );
    }
    parts[part].set(rest.join('/'), float32Values(name, tensor));
  }
  return { step, ...parts };
}
