export { numberAutomaticNames, numberedPaths } from './automatic-names.ts';
export { buildModel, ModelSizeError } from './build-model.ts';
export { createDigitsNet, type DigitsNetOptions, type Head } from './digits-net.ts';
export { imageShape, imageSizeOf } from './image-shape.ts';
export { requireLogits, withoutSoftmax } from './logits.ts';
export {
  type ExtendedLayer,
  type NamedLayer,
  namedLayers,
  namedModels,
  namedWeights,
  weightsByName,
} from './named-layers.ts';
export { mnistNormalization, type Normalization, normalize } from './normalization.ts';
export { cloneModel, rebuild } from './rebuild.ts';
export { countParameters, type LayerSummary, type ModelSummary, modelSummary } from './summary.ts';
export { topologyOf } from './topology.ts';
export { type ModelJson, parseModelJson } from './topology-json.ts';
export { takeValues, variableOf } from './values.ts';
