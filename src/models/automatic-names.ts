import { type AdaptableModel, isLayeredGraphModel } from '../layers-model.ts';
import { namedLayers } from './named-layers.ts';
import { isModel, type LayerNode, layerNodes, topologyOf, visitTopology } from './topology.ts';

/**
 * tfjs names a layer without a name after its class and a counter of the process: `dense_Dense3`. The same code gives
 * other names once the process has built another model. Numbered by their place in the model instead, the names are
 * the same in every process.
 */

/**
 * Numbers the automatic names in a topology by their place in the model, from 1 for each class, and edits the
 * references to them. Edits the topology in place; other names stay.
 */
export function numberAutomaticNames(topology: LayerNode): void {
  renameLayers(topology, (stem, count) => `${stem}${count}`, new Map());
}

/**
 * The paths with automatic names, numbered by their place in the model.
 *
 * @returns by the paths of `namedLayers`, in the model's order; empty if a user chose all names
 */
export function numberedPaths(model: AdaptableModel): Map<string, string> {
  // The names of a graph's nodes are part of the model's file.
  if (isLayeredGraphModel(model)) return new Map();
  const topology = topologyOf(model);
  renameLayers(topology, (stem, count) => `${stem}${MARK}${count}`, new Map());
  const marked: string[] = [];
  visitTopology(topology, (path) => marked.push(path));
  return new Map(
    namedLayers(model)
      .map(({ path }, index) => [path, marked[index]!] as const)
      .filter(([, numbered]) => numbered.includes(MARK))
      .map(([path, numbered]) => [path, numbered.replaceAll(MARK, '')]),
  );
}

/** Marks automatic names while paths are put together. */
const MARK = '\0';

/** Makes a name of its stem and number. */
type Naming = (stem: string, count: number) => string;

/** Renames the layers of a model, and those inside them. */
function renameLayers(model: LayerNode, naming: Naming, counts: Map<string, number>): void {
  const layers = layerNodes(model);
  const names = new Map<string, string>();
  const context = { naming, names, counts };
  for (const layer of layers) renameNode(layer, context);
  for (const layer of layers) renameReferences(layer.inboundNodes, names);
  renameReferences(model.config.inputLayers, names);
  renameReferences(model.config.outputLayers, names);
}

interface Context {
  readonly naming: Naming;
  /** New names in the same model by old ones. A configuration can contain the same cell twice. */
  readonly names: Map<string, string>;
  /** How many names of each stem were given. */
  readonly counts: Map<string, number>;
}

/** Renames a node and those inside its configuration. */
function renameNode(node: LayerNode, context: Context): void {
  const { naming, names, counts } = context;
  const name = node.config.name ?? node.name;
  const stem = name === undefined ? undefined : automaticStem(name, node);
  if (name !== undefined && stem !== undefined) {
    if (!names.has(name)) {
      const count = (counts.get(stem) ?? 0) + 1;
      counts.set(stem, count);
      names.set(name, naming(stem, count));
    }
    const renamed = names.get(name)!;
    if (node.config.name !== undefined) node.config.name = renamed;
    if (node.name !== undefined) node.name = renamed;
  }
  if (isModel(node)) renameLayers(node, naming, counts);
  else renameInside(Object.values(node.config), context);
}

/** Renames the layers and cells in a part of a layer's configuration. */
function renameInside(value: unknown, context: Context): void {
  if (Array.isArray(value)) for (const entry of value) renameInside(entry, context);
  else if (isNode(value)) renameNode(value, context);
}

function isNode(value: unknown): value is LayerNode {
  const { className, config } = (value ?? {}) as Partial<LayerNode>;
  return typeof className === 'string' && typeof config === 'object' && config !== null;
}

/** Renames the layers in a reference `[layer name, node, tensor, ...]` or in lists of references. */
function renameReferences(value: unknown, names: ReadonlyMap<string, string>): void {
  if (!Array.isArray(value)) return;
  const [name] = value;
  if (typeof name === 'string') value[0] = names.get(name) ?? name;
  else for (const entry of value) renameReferences(entry, names);
}

/** The name without its number, if it is one that tfjs gives to a node of this class. */
function automaticStem(name: string, node: LayerNode): string | undefined {
  // A Sequential names its input after its first layer.
  if (node.className === 'InputLayer' && /_[A-Z]\w*\d_input$/.test(name)) return 'input';
  const uid = uidOf(node);
  const start = name.lastIndexOf(uid);
  if (start < 0 || !/^\d+$/.test(name.slice(start + uid.length))) return undefined;
  const isLayer = uid.startsWith('_');
  return isLayer === start > 0 ? name.slice(0, start + uid.length) : undefined;
}

/** What precedes the number in an automatic name; for layers, the class in snake case precedes it in turn. */
function uidOf(node: LayerNode): string {
  const { className } = node;
  if (className === 'InputLayer') return 'input';
  if (className === 'Sequential') return 'sequential_';
  if (isModel(node)) return className.toLowerCase();
  const lora = node.config.lora as { readonly className?: string } | undefined;
  return `_${lora?.className ?? className.replace(/^Lora/, '')}`;
}
