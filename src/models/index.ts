export { createDigitsNet, type DigitsNetOptions, type Head } from './digits-net.ts';
export { imageShape } from './image-shape.ts';
export { requireLogits } from './logits.ts';
export { mnistNormalization, type Normalization, normalize } from './normalization.ts';
export { type LayerSummary, type ModelSummary, modelSummary } from './summary.ts';
export { takeValues } from './take-values.ts';
export { cloneModel, type LayerNode, type NamedLayer, namedLayers, rebuild, weightsOf } from './topology.ts';
