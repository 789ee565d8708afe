export { type AdapterTensor, readAdapter, writeAdapter } from './adapter-tensors.ts';
export {
  activeAdapters,
  addAdapter,
  deleteAdapter,
  disableAdapters,
  enableAdapters,
  setActiveAdapters,
  setAdapterStrength,
} from './adapters.ts';
export { addWeightedAdapter } from './add-weighted-adapter.ts';
export type { CombinationType } from './combine-factors.ts';
export {
  type EvaConfig,
  type LayerPattern,
  type LoraBias,
  type LoraConfig,
  type LoraInit,
  type LoraMethod,
  MAX_ALPHA,
  resolveLoraConfig,
} from './config.ts';
export type { AdapterOptions, InitOptions } from './init.ts';
export { type InjectOptions, injectLora } from './inject.ts';
export type { AdapterSettings } from './layers/adapter.ts';
export { isReplaced } from './layers/delta-weight.ts';
export { KNOWN_CLASSES, kernelsOf, kindOfWeight } from './layers/kernels.ts';
export { kindsByOp } from './layers/kinds.ts';
export type { KindsByMethod } from './layers/layer-kind.ts';
export { withAdapters } from './layers/lora-class.ts';
export {
  type BaseLayer,
  baseClassOf,
  baseWeightsOf,
  isLoraLayer,
  type LoraLayer,
} from './layers/lora-layer.ts';
export { matricesKind } from './layers/matrices.ts';
export { adapterNames, baseWeights, hasLora, loraLayers, type NamedLoraLayer } from './lora-layers.ts';
export { checkFinite, mergeLora, unloadLora } from './merge.ts';
export type { MajoritySignMethod } from './merge-tensors.ts';
export type { ModelInputs } from './model-inputs.ts';
export { isSuffix, placeOf, weightPath } from './paths.ts';
export { predictWithAdapters } from './predict-with-adapters.ts';
export { type LoraCost, type LoraLayerSummary, type LoraSummary, loraCost, loraSummary } from './summary.ts';
export { type LoraTarget, loraTargets } from './targets-list.ts';
export { type UpdateSpectrum, updateSpectrum } from './update.ts';
export type { AddWeightedAdapterOptions, WeightedAdapter } from './weighted-adapter-options.ts';
