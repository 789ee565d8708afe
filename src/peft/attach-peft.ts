import type * as tf from '@tensorflow/tfjs';
import { CheckpointError } from '../errors.ts';
import { type LoraGraphModel, withGraphLayers } from '../graph-models/index.ts';
import type { LoraConfig, LoraMethod } from '../lora/index.ts';
import type { SafeTensor, Safetensors } from '../safetensors/index.ts';
import { listNames, quote } from '../text/index.ts';
import { type AdapterFiles, attachAdapter, type StoredAdapter } from './attach.ts';
import { storedNames } from './automatic-names.ts';
import { type PeftConfig, parsePeftConfig } from './config.ts';
import { METADATA, PREFIX } from './format.ts';
import { incompatibilityOf, type PeftModule, peftModules } from './modules.ts';
import { convertedShapes, originalSettings, restoreInitialUpdate } from './mutated-weights.ts';
import { exactPattern, exactTargets } from './patterns.ts';
import { takeRunningStatistics } from './running-statistics.ts';
import { type SelectedModules, selectModules, type TargetModule } from './targets.ts';
import { namedTensors } from './tensor-names.ts';
import { takePeftTensors } from './tensors.ts';

/** The parsed content of PEFT's two files. */
export interface PeftContent {
  /** The parsed JSON of `adapter_config.json`. */
  readonly config: unknown;
  readonly weights: Safetensors;
}

/**
 * Checks that an adapter was trained on this base.
 *
 * @param weightsPath names the adapter in errors
 * @param actual the content hash of the base; only called if the file has one, which those of PEFT do not
 * @throws CheckpointError with both hashes, if they differ
 */
export function checkBase(weightsPath: string, { metadata }: Safetensors, actual: () => string): void {
  const expected = metadata.get(METADATA.baseHash);
  if (expected === undefined || expected === actual()) return;
  throw new CheckpointError(
    'base-mismatch',
    `${weightsPath}: trained on a base with content hash ${expected}, this base has ${actual()}; load it on the base it was trained on`,
  );
}

/**
 * Adds an adapter of PEFT to a model, as `loadPeft` does.
 *
 * @throws CheckpointError as `loadPeft`
 */
export function attachPeft(
  base: tf.LayersModel | tf.GraphModel,
  files: AdapterFiles,
  { config: content, weights }: PeftContent,
): tf.LayersModel | LoraGraphModel {
  const { configPath, weightsPath, onWarning } = files;
  const { config, unknownKeys } = parsePeftConfig(configPath, content);
  if (unknownKeys.length > 0) onWarning(`${configPath}: ignored unknown keys ${listNames(unknownKeys)}`);
  return withGraphLayers(base, { adapter: files.adapter, method: methodOf(weights) }, (model) => {
    const layers = peftModules(model, storedNames(weightsPath, weights.metadata, model));
    return attachAdapter(model, readPeftAdapter(files, config, weights, layers));
  });
}

function methodOf({ metadata }: Safetensors): LoraMethod {
  return (metadata.get(METADATA.method) ?? 'side') as LoraMethod;
}

function readPeftAdapter(
  files: AdapterFiles,
  config: PeftConfig,
  weights: Safetensors,
  layers: readonly PeftModule[],
): StoredAdapter {
  const { weightsPath, configPath, onWarning } = files;
  const { tensors: stored, metadata } = weights;
  const { tensors, modules, warnings } = namedTensors(weightsPath, stored, layers);
  const { targets, saved, ...selection } = selectModules(configPath, config, modules, tensors);
  const bias = storedBias(files, config.bias, tensors, { targets, saved });
  for (const warning of [...warnings, ...selection.warnings]) onWarning(warning);
  const subtractsInitialUpdate = metadata.get(METADATA.subtractsInitialUpdate) === 'true';
  const method = methodOf(weights);
  return {
    ...files,
    tensors,
    modules,
    lora: { method, ...loraConfigOf({ ...config, bias }, targets, saved, subtractsInitialUpdate) },
    takeTensors(module, shapes, remaining) {
      const isLowRank = shapes.has('lora_A');
      if (saved.some(({ path }) => path === module.path)) {
        takeRunningStatistics(weightsPath, module, remaining);
      }
      const tfjsLayout = isLowRank && incompatibilityOf(module, method)?.tfjsLayout === true;
      const isConverted = subtractsInitialUpdate && isLowRank && !tfjsLayout;
      const storedShapes = isConverted ? convertedShapes(shapes) : shapes;
      const taken = takePeftTensors(weightsPath, module, storedShapes, tfjsLayout, remaining);
      return isConverted ? restoreInitialUpdate(taken) : taken;
    },
  };
}

/**
 * Which biases the file has. PEFT up to 0.20 trains the biases of `bias: "lora_only"`, but does not save them, and loads
 * such a file without them.
 */
function storedBias(
  { weightsPath, onWarning }: AdapterFiles,
  bias: PeftConfig['bias'],
  tensors: ReadonlyMap<string, SafeTensor>,
  { targets, saved }: Pick<SelectedModules, 'targets' | 'saved'>,
): PeftConfig['bias'] {
  const isBias = (name: string) =>
    name.endsWith('.bias') && !saved.some((module) => name.startsWith(`${PREFIX}${module.name}.`));
  const hasBias = targets.some(({ layer }) =>
    layer.weights.some(({ originalName }) => originalName.endsWith('/bias')),
  );
  if (bias === 'none' || !hasBias || [...tensors.keys()].some(isBias)) return bias;
  onWarning(
    `${weightsPath}: has no biases despite bias ${quote(bias)}; loaded with those of the base, as PEFT does`,
  );
  return 'none';
}

/** The LoRA options that recreate the stored adapter. */
function loraConfigOf(
  config: PeftConfig,
  targets: readonly TargetModule[],
  saved: readonly PeftModule[],
  subtractsInitialUpdate: boolean,
): LoraConfig {
  const settings = targets.map((target) => {
    const stored = { rank: target.rank, alpha: target.alpha, rslora: config.use_rslora };
    return { target, ...(subtractsInitialUpdate ? originalSettings(stored) : stored) };
  });
  return {
    rank: settings[0]!.rank,
    alpha: settings[0]!.alpha,
    targets: exactTargets(targets),
    modulesToSave: saved.length > 0 ? exactTargets(saved) : undefined,
    rankPattern: exactPattern(settings.map(({ target, rank }) => [target, rank])),
    alphaPattern: exactPattern(settings.map(({ target, alpha }) => [target, alpha])),
    rslora: config.use_rslora,
    dora: config.use_dora,
    dropout: config.lora_dropout,
    bias: config.bias === 'lora_only' ? 'lora-only' : config.bias,
    // Only chooses which tensors the adapter has; their values are read from the file.
    init: subtractsInitialUpdate ? 'olora' : 'kaiming',
  };
}
