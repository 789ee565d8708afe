import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import { CheckpointError } from '../errors.ts';
import { readJson } from '../files/index.ts';
import type { LoraMethod } from '../lora/index.ts';
import { readSafetensors, type Safetensors } from '../safetensors/index.ts';
import { splitAnchors } from './anchors.ts';
import { attachAdapter, byPath, exactly, type StoredAdapter } from './attach.ts';
import { BASE_HASH, checkBase } from './base-hash.ts';
import { type PeftConfig, parsePeftConfig } from './config.ts';
import { ownAlpha } from './describe.ts';
import { MLX_WEIGHTS_FILE, readMlxAdapter } from './mlx.ts';
import { obstacleTo, type PeftModule, peftModules } from './modules.ts';
import { PREFIX, takeStored } from './parts.ts';
import { ANCHORED, CONFIG_FILE, DEFAULT_ADAPTER, METHOD, WEIGHTS_FILE } from './save.ts';
import { takeStatistics } from './statistics.ts';
import { selectModules } from './targets.ts';

/** Which adapter to load, and on what. */
export interface LoadPeftOptions {
  /** Name of the adapter in the model, and of its subfolder where the folder has one. Default `default`. */
  readonly adapter?: string;
  /** Load it on a base with another content hash than the one it was trained on. Default false. */
  readonly anyBase?: boolean;
  /** Takes what is not wrong but worth a line, such as keys that nobody knows. */
  readonly onWarning?: (message: string) => void;
}

/**
 * Puts an adapter of PEFT's (`adapter_config.json`, `adapter_model.safetensors`) or mlx-lm's
 * (`adapters.safetensors`) on a base whose layers are named as the modules of the other model. The base stays as it
 * was; both are the caller's to dispose. A model that has adapters already is not copied: it gets this one besides,
 * at rest (`setActiveAdapters` turns to it), and is returned itself.
 *
 * Stricter than PEFT: a tensor that no layer takes, and a layer that gets none, are errors.
 *
 * @throws CheckpointError naming the file, and the key, tensor or layer at fault
 */
export async function loadPeft(
  base: tf.LayersModel,
  folder: string,
  { adapter = DEFAULT_ADAPTER, anyBase = false, onWarning = () => {} }: LoadPeftOptions = {},
): Promise<tf.LayersModel> {
  const place = await adapterFolder(folder, adapter);
  const configPath = join(place, CONFIG_FILE);
  const content = await readJson(configPath);
  const modules = peftModules(base);
  if (!existsSync(join(place, WEIGHTS_FILE)) && existsSync(join(place, MLX_WEIGHTS_FILE))) {
    const source = join(place, MLX_WEIGHTS_FILE);
    const { tensors } = await readSafetensors(source);
    return attachAdapter(base, readMlxAdapter(adapter, configPath, content, source, tensors, modules));
  }
  const { config, unknownKeys } = parsePeftConfig(configPath, content);
  if (unknownKeys.length > 0) {
    onWarning(`${configPath}: keys ${unknownKeys.join(', ')} are not known here; they were passed over`);
  }
  const source = join(place, WEIGHTS_FILE);
  const file = await readSafetensors(source);
  if (!anyBase) checkBase(source, file.metadata.get(BASE_HASH), base);
  return attachAdapter(base, storedAdapter({ adapter, configPath, source }, config, file, modules));
}

function storedAdapter(
  names: Pick<StoredAdapter, 'adapter' | 'configPath' | 'source'>,
  config: PeftConfig,
  { tensors, metadata }: Safetensors,
  modules: readonly PeftModule[],
): StoredAdapter {
  const { targets, saved } = selectModules(names.configPath, config, modules);
  const anchored = metadata.get(ANCHORED) === 'true';
  const method = (metadata.get(METHOD) ?? 'side') as LoraMethod;
  const rankOf = (rank: number) => (anchored ? rank / 2 : rank);
  const alphaOf = (alpha: number) => (anchored ? ownAlpha(alpha, config.use_rslora) : alpha);
  return {
    ...names,
    tensors,
    lora: {
      method,
      rank: rankOf(targets[0]!.rank),
      alpha: alphaOf(targets[0]!.alpha),
      targets: exactly(targets),
      modulesToSave: saved.length > 0 ? exactly(saved) : undefined,
      rankPattern: byPath(targets.map((one) => [one, rankOf(one.rank)])),
      alphaPattern: byPath(targets.map((one) => [one, alphaOf(one.alpha)])),
      rslora: config.use_rslora,
      dora: config.use_dora,
      dropout: config.lora_dropout,
      bias: config.bias === 'lora_only' ? 'lora-only' : config.bias,
      init: anchored ? 'olora' : 'kaiming',
    },
    take(module, shapes, left) {
      const lowRank = shapes.has('lora_A');
      if (saved.some(({ path }) => path === module.path)) takeStatistics(names.source, module, left);
      const raw = lowRank && obstacleTo(module, method)?.raw === true;
      if (!anchored || raw || !lowRank) return takeStored(names.source, module, shapes, raw, left);
      return splitAnchors(takeStored(names.source, module, doubledShapes(shapes), raw, left));
    },
    hint: (left) =>
      left.every((name) => name.startsWith(PREFIX)) ? '' : `; PEFT's names begin with ${PREFIX}`,
  };
}

function doubledShapes(shapes: ReadonlyMap<string, readonly number[]>): Map<string, readonly number[]> {
  const doubled = new Map(shapes);
  doubled.set('lora_A', shapes.get('lora_A')!.with(-1, 2 * shapes.get('lora_A')!.at(-1)!));
  doubled.set('lora_B', shapes.get('lora_B')!.with(-2, 2 * shapes.get('lora_B')!.at(-2)!));
  doubled.delete('initial_A');
  doubled.delete('initial_B');
  return doubled;
}

/** The folder itself, or the adapter's subfolder. */
async function adapterFolder(folder: string, adapter: string): Promise<string> {
  if (!existsSync(folder)) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${folder}: there is no such folder; name that of an adapter`,
    );
  }
  const own = join(folder, adapter);
  if (existsSync(join(own, CONFIG_FILE))) return own;
  if (existsSync(join(folder, CONFIG_FILE))) {
    if ([WEIGHTS_FILE, MLX_WEIGHTS_FILE].some((name) => existsSync(join(folder, name)))) return folder;
    throw new CheckpointError(
      'invalid-checkpoint',
      `${folder}: has no ${WEIGHTS_FILE}; save the adapter as safetensors (safe_serialization=True in PEFT)`,
    );
  }
  const entries = await readdir(folder);
  const named = entries.filter((name) => existsSync(join(folder, name, CONFIG_FILE)));
  const hint = named.length > 0 ? `; it has the adapters ${named.join(', ')}` : '';
  throw new CheckpointError('invalid-checkpoint', `${folder}: has no ${CONFIG_FILE}${hint}`);
}
