import { UsageError } from '../errors.ts';
import type { AdaptableModel } from '../layers-model.ts';
import { loraLayers, readAdapter } from '../lora/index.ts';
import type { SafeTensor } from '../safetensors/index.ts';
import { automaticNames } from './automatic-names.ts';
import { type AdaptedModule, buildPeftConfig } from './build-config.ts';
import { METADATA } from './format.ts';
import { peftModules } from './modules.ts';
import { subtractInitialUpdate } from './mutated-weights.ts';
import { isInTfjsLayout } from './parameters.ts';
import { convertKernels } from './parts.ts';
import { runningStatistics } from './running-statistics.ts';
import { toPeftTensors } from './tensors.ts';

/** Keys of the configuration that are the same for every adapter. */
const FIXED_KEYS = {
  task_type: null,
  base_model_name_or_path: null,
  fan_in_fan_out: false,
  inference_mode: true,
};

/**
 * Builds what `savePeft` writes for one adapter.
 *
 * @param baseHash content hash of the base, to record
 * @throws UsageError as `savePeft`
 */
export function buildContent(
  model: AdaptableModel,
  adapter: string,
  { peftOnly, baseHash }: { readonly peftOnly: boolean; readonly baseHash?: string },
) {
  const modules = peftModules(model);
  const adapted = adaptedModules(model, adapter, modules);
  const { config, tfjsLayout, incompatibilities } = buildPeftConfig(adapted, modules);
  if (peftOnly && incompatibilities.length > 0) {
    throw new UsageError(
      'peft-incompatible',
      `adapter '${adapter}' cannot be saved for PEFT, which does not support ${incompatibilities.join('; ')}`,
    );
  }
  const tensors = new Map<string, SafeTensor>();
  for (const { module, layer, settings } of adapted) {
    const inTfjsLayout = tfjsLayout.has(module);
    const original = readAdapter(layer, adapter);
    const stored = settings.subtractsInitialUpdate
      ? convertKernels(original, (kernel, own) =>
          isInTfjsLayout(module, kernel, inTfjsLayout) ? own : subtractInitialUpdate(own),
        )
      : original;
    for (const [name, tensor] of toPeftTensors(module, stored, inTfjsLayout)) tensors.set(name, tensor);
    if (settings.trainedCopies === 'all') {
      for (const [name, tensor] of runningStatistics(module)) tensors.set(name, tensor);
    }
  }
  const { method } = adapted.find(({ settings }) => settings.rank > 0)!.layer;
  const metadata = automaticNames(model).set(METADATA.method, method);
  if (adapted.some(({ settings }) => settings.subtractsInitialUpdate)) {
    metadata.set(METADATA.subtractsInitialUpdate, 'true');
  }
  metadata.set('format', 'pt');
  if (baseHash !== undefined) metadata.set(METADATA.baseHash, baseHash);
  return { config: { ...FIXED_KEYS, ...config }, tensors, metadata };
}

/** The layers on which the adapter has tensors. */
function adaptedModules(
  model: AdaptableModel,
  adapter: string,
  modules: ReturnType<typeof peftModules>,
): AdaptedModule[] {
  const modulesByPath = new Map(modules.map((module) => [module.path, module]));
  const adapted: AdaptedModule[] = [];
  for (const { path, layer } of loraLayers(model)) {
    const settings = layer.adapters.get(adapter)?.settings;
    if (settings && (settings.rank > 0 || settings.trainedCopies !== 'none')) {
      adapted.push({ module: modulesByPath.get(path)!, layer, settings });
    }
  }
  return adapted;
}
