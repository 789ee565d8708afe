import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import { CheckpointError, UsageError } from '../errors.ts';
import {
  injectLora,
  type LoraConfig,
  type LoraMethod,
  loraLayers,
  readAdapter,
  writeAdapter,
} from '../lora/index.ts';
import { readSafetensors, type SafeTensor } from '../safetensors/index.ts';
import { splitAnchors } from './anchors.ts';
import { BASE_HASH, checkBase } from './base-hash.ts';
import { type PeftConfig, parsePeftConfig } from './config.ts';
import { escapeRegExp, ownAlpha } from './describe.ts';
import { obstacleTo, type PeftModule, peftModules } from './modules.ts';
import { PREFIX, takeStored } from './parts.ts';
import { ANCHORED, CONFIG_FILE, DEFAULT_ADAPTER, METHOD, WEIGHTS_FILE } from './save.ts';
import { selectModules, type TargetedModule } from './targets.ts';

export interface LoadPeftOptions {
  /** Name of the adapter in the model, and of its subfolder where the folder has one. Default `default`. */
  readonly adapter?: string;
  /** Load it on a base with another content hash than the one it was trained on. Default false. */
  readonly anyBase?: boolean;
  /** Takes what is not wrong but worth a line, such as keys that nobody knows. */
  readonly onWarning?: (message: string) => void;
}

/**
 * Puts an adapter of PEFT's (`adapter_config.json`, `adapter_model.safetensors`) on a base whose layers are named as
 * the modules of the PyTorch model. The base stays as it was; both are the caller's to dispose.
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
  const { config, unknownKeys } = parsePeftConfig(configPath, await readConfig(configPath));
  if (unknownKeys.length > 0)
    onWarning(`${configPath}: does not know ${unknownKeys.join(', ')}; passed over`);
  const source = join(place, WEIGHTS_FILE);
  const { tensors, metadata } = await readSafetensors(source);
  if (!anyBase) checkBase(source, metadata.get(BASE_HASH), base);
  return attach(base, { adapter, config, configPath, source, tensors, metadata });
}

interface Stored {
  readonly adapter: string;
  readonly config: PeftConfig;
  readonly configPath: string;
  readonly source: string;
  readonly tensors: ReadonlyMap<string, SafeTensor>;
  readonly metadata: ReadonlyMap<string, string>;
}

function attach(base: tf.LayersModel, stored: Stored): tf.LayersModel {
  const { adapter, config, configPath, source, metadata } = stored;
  const modules = peftModules(base);
  const { targets, saved } = selectModules(configPath, config, modules);
  const anchored = metadata.get(ANCHORED) === 'true';
  const method = (metadata.get(METHOD) ?? 'side') as LoraMethod;
  const model = inject(configPath, base, loraConfig(config, targets, saved, { method, anchored }), adapter);
  try {
    const left = new Map(stored.tensors);
    for (const { path, layer } of loraLayers(model)) {
      const module = modules.find((one) => one.path === path)!;
      const own = readAdapter(layer, adapter);
      if (own.size === 0) continue;
      const shapes = new Map([...own].map(([part, { shape }]) => [part, shape]));
      const raw = shapes.has('lora_A') && obstacleTo(module, layer.kind!.name)?.raw === true;
      if (!anchored || raw || !shapes.has('lora_A')) {
        writeAdapter(path, layer, adapter, takeStored(source, module, shapes, raw, left));
        continue;
      }
      const parts = takeStored(source, module, doubledShapes(shapes), raw, left);
      writeAdapter(path, layer, adapter, splitAnchors(parts));
    }
    refuseLeftOver(source, left);
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** What the options of an injection would be blamed for is the file's fault here. */
function inject(source: string, base: tf.LayersModel, config: LoraConfig, adapter: string): tf.LayersModel {
  try {
    return injectLora(base, config, { adapter });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new CheckpointError(`${source}: ${error.message}`, { cause: error });
  }
}

/** The configuration that gives exactly the chosen layers what the file holds for them. */
function loraConfig(
  config: PeftConfig,
  targets: readonly TargetedModule[],
  saved: readonly PeftModule[],
  { method, anchored }: { method: LoraMethod; anchored: boolean },
): LoraConfig {
  const ranks = targets.map(
    ({ path, rank }) => [`^${escapeRegExp(path)}`, anchored ? rank / 2 : rank] as const,
  );
  const alphas = targets.map(({ path, alpha }) => {
    return [`^${escapeRegExp(path)}`, anchored ? ownAlpha(alpha, config.use_rslora) : alpha] as const;
  });
  return {
    method,
    rank: ranks[0]![1],
    alpha: alphas[0]![1],
    targets: exactly(targets),
    modulesToSave: saved.length > 0 ? exactly(saved) : undefined,
    rankPattern: Object.fromEntries(ranks),
    alphaPattern: Object.fromEntries(alphas),
    rslora: config.use_rslora,
    dora: config.use_dora,
    dropout: config.lora_dropout,
    bias: config.bias === 'lora_only' ? 'lora-only' : config.bias,
    init: anchored ? 'olora' : 'kaiming',
  };
}

function exactly(modules: readonly PeftModule[]): RegExp {
  return new RegExp(modules.map(({ path }) => escapeRegExp(path)).join('|'));
}

function doubledShapes(shapes: ReadonlyMap<string, readonly number[]>): Map<string, readonly number[]> {
  const doubled = new Map(shapes);
  doubled.set('lora_A', shapes.get('lora_A')!.with(-1, 2 * shapes.get('lora_A')!.at(-1)!));
  doubled.set('lora_B', shapes.get('lora_B')!.with(-2, 2 * shapes.get('lora_B')!.at(-2)!));
  doubled.delete('initial_A');
  doubled.delete('initial_B');
  return doubled;
}

function refuseLeftOver(source: string, left: ReadonlyMap<string, SafeTensor>): void {
  if (left.size === 0) return;
  const names = [...left.keys()];
  const hint = names.some((name) => !name.startsWith(PREFIX)) ? `; PEFT's names begin with ${PREFIX}` : '';
  const shown = names.slice(0, 5).join(', ') + (names.length > 5 ? ` and ${names.length - 5} more` : '');
  throw new CheckpointError(`${source}: no layer takes ${shown}${hint}`);
}

/** The folder itself, or the adapter's subfolder. */
async function adapterFolder(folder: string, adapter: string): Promise<string> {
  if (!existsSync(folder)) throw new CheckpointError(`${folder}: there is no such folder; name an adapter's`);
  const own = join(folder, adapter);
  if (existsSync(join(own, CONFIG_FILE))) return own;
  if (existsSync(join(folder, CONFIG_FILE))) {
    if (existsSync(join(folder, WEIGHTS_FILE))) return folder;
    throw new CheckpointError(
      `${folder}: has no ${WEIGHTS_FILE}; save the adapter as safetensors (safe_serialization=True in PEFT)`,
    );
  }
  const entries = await readdir(folder, { withFileTypes: true });
  const named = entries.filter((entry) => existsSync(join(folder, entry.name, CONFIG_FILE)));
  const hint = named.length > 0 ? `; it has the adapters ${named.map(({ name }) => name).join(', ')}` : '';
  throw new CheckpointError(`${folder}: has no ${CONFIG_FILE}${hint}`);
}

async function readConfig(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new CheckpointError(`${path}: cannot be read as JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
