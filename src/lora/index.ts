export { type AdapterTensor, readAdapter, writeAdapter } from './access.ts';
export { activeAdapters, addAdapter, deleteAdapter, setActiveAdapters } from './adapters.ts';
export {
  type AddWeightedAdapterOptions,
  addWeightedAdapter,
  type WeightedAdapter,
} from './add-weighted-adapter.ts';
export { baseWeights } from './base-weights.ts';
export {
  type LayerPattern,
  LORA_BIASES,
  LORA_INITS,
  LORA_METHODS,
  type LoraBias,
  type LoraConfig,
  type LoraInit,
  type LoraMethod,
  type ResolvedLoraConfig,
  resolveLoraConfig,
} from './config.ts';
export { type LoraCost, loraCost } from './cost.ts';
export { type Factors, updateFactors } from './factors.ts';
export type { InitOptions } from './initialize.ts';
export { type InjectOptions, injectLora } from './inject.ts';
export { type AdapterSettings, adapterWeights, type LayerAdapter, scalingOf } from './layers/adapter.ts';
export type { KindName, LayerKind } from './layers/kind.ts';
export { baseClassOf, isLoraLayer, type LoraLayer } from './layers/lora-layer.ts';
export { adaptableLayers, adapterNames, hasLora, loraLayers, type NamedLoraLayer } from './lora-layers.ts';
export { mergeLora, unmergeLora } from './merge.ts';
export { type UpdateSpectrum, updateSpectrum } from './spectrum.ts';
export { disableAdapters, enableAdapters, setAdapterStrength } from './strength.ts';
export { type LoraLayerSummary, type LoraSummary, loraSummary } from './summary.ts';
export { isSuffix, matchesPattern, patternValue } from './targets.ts';
