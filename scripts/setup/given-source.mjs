import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { SetupError } from './setup-error.mjs';

/**
 * What TFJS_LORA_TENSORFLOW names.
 *
 * @typedef {object} GivenSource
 * @property {'wheel' | 'wheels' | 'unpacked'} kind a wheel, a folder of wheels, or an unpacked TensorFlow
 * @property {string} path
 */

const variable = 'TFJS_LORA_TENSORFLOW';
const help = "it must be a TensorFlow wheel, a folder of wheels, an unpacked wheel, or 'none'";

/**
 * @returns {GivenSource | undefined}
 * @throws SetupError when there is no such file
 */
export function givenSource() {
  const given = process.env[variable];
  if (!given) return undefined;
  const path = resolve(given);
  if (!existsSync(path)) throw new SetupError(`${variable}=${given}: no such file; ${help}`);
  if (!statSync(path).isDirectory()) return { kind: 'wheel', path };
  return { kind: wheelsIn(path).length > 0 ? 'wheels' : 'unpacked', path };
}

/**
 * The given file that is this wheel; undefined where pip has to fetch it. A single given wheel is TensorFlow.
 *
 * @param {import('./releases.mjs').Wheel} wheel
 * @throws SetupError when a folder of wheels lacks this one
 */
export function givenWheel(wheel) {
  const source = givenSource();
  if (source?.kind === 'wheel' && wheel.name.startsWith('tensorflow')) return source.path;
  if (source?.kind !== 'wheels') return undefined;
  const prefix = `${wheel.name.replaceAll('-', '_')}-${wheel.version}-`;
  const name = wheelsIn(source.path).find((found) => found.startsWith(prefix));
  if (!name) {
    throw new SetupError(
      `${source.path}: has no ${prefix}*.whl; fetch it with 'pip download --no-deps ${wheel.name}==${wheel.version}'`,
    );
  }
  return join(source.path, name);
}

/** @param {string} folder */
function wheelsIn(folder) {
  return readdirSync(folder).filter((name) => name.endsWith('.whl'));
}
