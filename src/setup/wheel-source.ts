import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { TensorFlowError } from '../errors.ts';
import type { Wheel } from './releases.ts';

/** The local files that are used instead of downloads, as `TFJS_LORA_TENSORFLOW` names them. */
export interface WheelSource {
  /** One wheel, a folder of wheels, or a folder with an unpacked TensorFlow wheel. */
  readonly kind: 'wheel' | 'wheels' | 'unpacked';
  readonly path: string;
}

const VARIABLE = 'TFJS_LORA_TENSORFLOW';

/** Whether the user chose to run without native TensorFlow. */
export function nativeIsDeclined(): boolean {
  return process.env[VARIABLE] === 'none';
}

/**
 * The local source, or undefined if wheels are to be downloaded.
 *
 * @throws TensorFlowError if the path does not exist
 */
export function wheelSource(): WheelSource | undefined {
  const value = process.env[VARIABLE];
  if (!value) return undefined;
  const path = resolve(value);
  if (!existsSync(path)) {
    throw new TensorFlowError(
      'setup-failed',
      `${VARIABLE}=${value}: no such file; it must be a TensorFlow wheel, a folder of wheels, an unpacked wheel, or 'none'`,
    );
  }
  if (!statSync(path).isDirectory()) return { kind: 'wheel', path };
  return { kind: wheelsIn(path).length > 0 ? 'wheels' : 'unpacked', path };
}

/**
 * The local file for a wheel, or undefined if it has to be downloaded. A single local wheel is TensorFlow's.
 *
 * @throws TensorFlowError if there is a folder of wheels and this one is not in it
 */
export function localWheel(wheel: Wheel): string | undefined {
  const source = wheelSource();
  if (source?.kind === 'wheel' && wheel.name.startsWith('tensorflow')) return source.path;
  if (source?.kind !== 'wheels') return undefined;
  const prefix = `${wheel.name.replaceAll('-', '_')}-${wheel.version}-`;
  const file = wheelsIn(source.path).find((name) => name.startsWith(prefix));
  if (file) return join(source.path, file);
  throw new TensorFlowError(
    'setup-failed',
    `${source.path}: ${prefix}*.whl is missing; fetch it with 'pip download --no-deps ${wheel.name}==${wheel.version}'`,
  );
}

function wheelsIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.whl'));
}
