import type * as tf from '@tensorflow/tfjs';

/** A model, a layer or a cell in a topology, the JSON form of a model's structure. */
export interface LayerNode {
  className: string;
  config: Record<string, unknown> & { name?: string; trainable?: boolean };
  /** Also the name, in functional models. */
  name?: string;
  /** What a layer is called with, in functional models: lists of `[layer name, node, tensor, ...]`. */
  inboundNodes?: unknown;
}

/** A copy of a model's topology. */
export function topologyOf(model: tf.LayersModel): LayerNode {
  return JSON.parse(JSON.stringify({ className: model.getClassName(), config: model.getConfig() }));
}

/** Whether a node is a model, which contains layers. */
export function isModel({ className }: LayerNode): boolean {
  return ['Sequential', 'Functional', 'Model'].includes(className);
}

/** The nodes of the layers of a model. */
export function layerNodes({ config }: LayerNode): LayerNode[] {
  return (Array.isArray(config) ? config : config.layers) as LayerNode[];
}

/** Calls `visit` for each layer of a topology, with the paths that `namedLayers` gives. */
export function visitTopology(root: LayerNode, visit: (path: string, node: LayerNode) => void): void {
  const visitContent = (node: LayerNode, prefix: string) => {
    for (const layer of layerNodes(node)) visitLayer(layer, `${prefix}${layer.config.name ?? layer.name}`);
  };
  const visitLayer = (node: LayerNode, path: string): void => {
    const inner = node.config.layer as LayerNode;
    if (isModel(node)) visitContent(node, `${path}.`);
    else if (node.className === 'TimeDistributed') visitLayer(inner, `${path}.${inner.config.name}`);
    else visit(path, node);
  };
  visitContent(root, '');
}
