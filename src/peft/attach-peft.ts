import type * as tf from '@tensorflow/tfjs';
import { CheckpointError } from '../errors.ts';
import { type LoraGraphModel, withGraphLayers } from '../graph-models/index.ts';
import type { LoraConfig, LoraMethod } from '../lora/index.ts';
import type { SafeTensor, Safetensors } from '../safetensors/index.ts';
import { listNames, quote } from '../text/index.ts';
import { type AdapterFiles, attachAdapter, type StoredAdapter } from './attach.ts';
import { storedNames } from './automatic-names.ts';
import { type PeftConfig, parsePeftConfig, TFJS_LORA_TYPE } from './config.ts';
import { METADATA, PREFIX } from './format.ts';
import { incompatibilityOf, type PeftModule, peftModules } from './modules.ts';
import { convertedShapes, originalSettings, restoreInitialUpdate } from './mutated-weights.ts';
import { isInTfjsLayout } from './parameters.ts';
import { convertKernels } from './parts.ts';
import { exactPattern, exactTargets, exactWeights } from './patterns.ts';
import { takeRunningStatistics } from './running-statistics.ts';
import { type SelectedModules, selectModules, type TargetParameter } from './targets.ts';
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
  const method = methodOf(weights);
  const { targets, parameters, saved, ...selection } = selectModules(
    configPath,
    config,
    modules,
    tensors,
    method,
  );
  const adapted = [...targets, ...parameters.map(({ peftModule }) => peftModule)];
  const bias = storedBias(files, config.bias, tensors, { adapted, saved });
  for (const warning of differences(configPath, config, parameters)) onWarning(warning);
  for (const warning of [...warnings, ...selection.warnings]) onWarning(warning);
  const subtractsInitialUpdate = metadata.get(METADATA.subtractsInitialUpdate) === 'true';
  return {
    ...files,
    tensors,
    modules,
    lora: {
      method,
      ...loraConfigOf(files, { ...config, bias }, { targets, parameters, saved }, subtractsInitialUpdate),
    },
    takeTensors(module, shapes, remaining) {
      if (saved.some(({ path }) => path === module.path)) {
        takeRunningStatistics(weightsPath, module, remaining);
      }
      const tfjsLayout = shapes.has('lora_A') && incompatibilityOf(module, method)?.tfjsLayout === true;
      if (!subtractsInitialUpdate) return takePeftTensors(weightsPath, module, shapes, tfjsLayout, remaining);
      const asStored = convertKernels(shapes, (kernel, own) =>
        isInTfjsLayout(module, kernel, tfjsLayout) ? own : convertedShapes(own),
      );
      const taken = takePeftTensors(weightsPath, module, asStored, tfjsLayout, remaining);
      return convertKernels(taken, (kernel, own) =>
        isInTfjsLayout(module, kernel, tfjsLayout) ? own : restoreInitialUpdate(own),
      );
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
  { adapted, saved }: { readonly adapted: readonly PeftModule[]; readonly saved: readonly PeftModule[] },
): PeftConfig['bias'] {
  const isBias = (name: string) =>
    /[./]bias(\.tfjs)?$/.test(name) && !saved.some((module) => name.startsWith(`${PREFIX}${module.name}.`));
  const hasBias = adapted.some(({ layer }) =>
    layer.weights.some(({ originalName }) => originalName.endsWith('/bias')),
  );
  if (bias === 'none' || !hasBias || [...tensors.keys()].some(isBias)) return bias;
  onWarning(
    `${weightsPath}: has no biases despite bias ${quote(bias)}; loaded with those of the base, as PEFT does`,
  );
  return 'none';
}

/** Warns of adapters of PEFT for modules that compute another function than the layers of the model. */
function differences(
  configPath: string,
  { peft_type: type }: PeftConfig,
  parameters: readonly TargetParameter[],
): string[] {
  if (type === TFJS_LORA_TYPE) return [];
  const reasons = new Set(parameters.flatMap(({ incompatibility }) => incompatibility ?? []));
  return [...reasons].map((reason) => `${configPath}: the outputs differ from PyTorch's at ${reason}`);
}

/** The LoRA options that recreate the stored adapter. */
function loraConfigOf(
  { configPath }: AdapterFiles,
  config: PeftConfig,
  { targets, parameters, saved }: Pick<SelectedModules, 'targets' | 'parameters' | 'saved'>,
  subtractsInitialUpdate: boolean,
): LoraConfig {
  const settings = [
    ...targets.map((target) => ({ target: target as PeftModule, ...target })),
    ...parameters.map((parameter) => ({ target: parameter.peftModule, ...parameter })),
  ].map(({ target, rank, alpha }) => {
    const stored = { rank, alpha, rslora: config.use_rslora };
    return { target, ...(subtractsInitialUpdate ? originalSettings(stored) : stored) };
  });
  checkEqualSettings(configPath, settings);
  return {
    rank: settings[0]!.rank,
    alpha: settings[0]!.alpha,
    targets: targets.length > 0 ? exactTargets(targets) : [],
    targetWeights: parameters.length > 0 ? exactWeights(parameters) : undefined,
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

/** @throws CheckpointError if weights of one layer have different ranks or alphas */
function checkEqualSettings(
  configPath: string,
  settings: readonly { readonly target: PeftModule; readonly rank: number; readonly alpha: number }[],
): void {
  for (const { target, rank, alpha } of settings) {
    const other = settings.find(
      (entry) => entry.target.path === target.path && (entry.rank !== rank || entry.alpha !== alpha),
    );
    if (!other) continue;
    throw new CheckpointError(
      'invalid-checkpoint',
      `${configPath}: weights of layer ${quote(target.path)} differ in rank or alpha (${rank} and ${other.rank}, ${alpha} and ${other.alpha}); only one per layer is supported`,
    );
  }
}
