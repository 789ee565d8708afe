export { type AdapterTensor, readAdapter, writeAdapter } from './access.ts';
export { activeAdapters, addAdapter, deleteAdapter, setActiveAdapters } from './adapters.ts';
export { baseWeights } from './base-weights.ts';
export { type CombineOptions, combineAdapters, type WeightedAdapter } from './combine.ts';
export {
  type LayerPattern,
  type LoraBias,
  type LoraConfig,
  type LoraInit,
  type LoraMethod,
  type ResolvedLoraConfig,
  resolveLoraConfig,
} from './config.ts';
export { type LoraCost, loraCost } from './cost.ts';
export { type Factors, updateFactors } from './factors.ts';
export type { StartOptions } from './initialize.ts';
export { type InjectOptions, injectLora } from './inject.ts';
export { type AdapterSettings, type LayerAdapter, scalingOf } from './layers/adapter.ts';
export type { KindName, LayerKind } from './layers/kind.ts';
export { isLoraLayer, type LoraLayer } from './layers/lora-layer.ts';
export { adaptableLayers, adapterNames, hasLora, loraLayers, type PlacedLoraLayer } from './lora-layers.ts';
export { mergeLora, unmergeLora } from './merge.ts';
export { type UpdateSpectrum, updateSpectrum } from './spectrum.ts';
export { disableAdapters, enableAdapters, setAdapterStrength } from './strength.ts';
export { type LoraLayerSummary, type LoraSummary, loraSummary } from './summary.ts';
export { cloneModel, type PlacedLayer, placedLayers } from './topology.ts';
