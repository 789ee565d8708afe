import { dirname } from 'node:path';
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

/** Writes what training needs to go on, as safetensors: `weights/<name>`, `slots/<slot>/<name>`, the step. */
export async function writeState(path: string, state: TrainingState): Promise<void> {
  const tensors = new Map<string, SafeTensor>();
  for (const part of ['weights', 'slots'] as const) {
    for (const [name, values] of state[part])
      tensors.set(`${part}/${name}`, safeTensor(values, [values.length]));
  }
  await withFileErrors(CheckpointError, dirname(path), 'created', () => ensureDir(dirname(path)));
  await writeSafetensors(path, tensors, new Map([['step', String(state.step)]]));
}

/**
 * Reads a state back.
 *
 * @throws CheckpointError when the file is damaged or holds something else
 */
export async function readState(path: string): Promise<TrainingState> {
  const { tensors, metadata } = await readSafetensors(path);
  const step = Number(metadata.get('step'));
  if (!Number.isSafeInteger(step) || step < 0) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${path}: says it is at step ${metadata.get('step')}; it is no training state`,
    );
  }
  const parts = { weights: new Map<string, Float32Array>(), slots: new Map<string, Float32Array>() };
  for (const [name, tensor] of tensors) {
    const [part, ...rest] = name.split('/');
    if (part !== 'weights' && part !== 'slots') {
      throw new CheckpointError(
        'invalid-checkpoint',
        `${path}: holds a tensor '${name}', which no training state has`,
      );
    }
    parts[part].set(rest.join('/'), float32Values(name, tensor));
  }
  return { step, ...parts };
}
