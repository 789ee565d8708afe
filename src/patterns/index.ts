export { LayerExpressions } from './layer-expressions.ts';
