export { type GraphModelLayerOptions, graphModelLayer } from './graph-model-layer.ts';
export { injectLora, loraTargets, withGraphLayers } from './inject.ts';
export { LoraGraphModel } from './lora-graph-model.ts';
export { hasLora, mergeLora, unloadLora } from './merge.ts';
