import type { NodeAttribute } from './attributes.ts';
import type { DataType, TensorSpec, TensorValues } from './dtypes.ts';

/**
 * A node of a TensorFlow graph, as in TensorFlow's node_def.proto. An input is `node` for another node's
 * first output, `node:1` for its second, and `^node` for a control input: run after that node, without a
 * value.
 */
export interface NodeDef {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly attributes: Readonly<Record<string, NodeAttribute>>;
}

/**
 * Collects the nodes of a TensorFlow graph, which a `Session` then runs. Programs of `src/graph` are written
 * into it. Each method adds nodes and returns the name of the result, to be used as an input of other nodes.
 */
export class GraphBuilder {
  readonly nodes: NodeDef[] = [];
  readonly #nameCounts = new Map<string, number>();
  #clusterAttributes: Record<string, NodeAttribute> = {};

  /** @param name made unique and valid if it is not; by default the op's */
  add(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, NodeAttribute>> = {},
    name: string = op,
  ): string {
    const uniqueName = this.#uniqueName(name);
    this.nodes.push({
      name: uniqueName,
      op,
      inputs,
      attributes: { ...attributes, ...this.#clusterAttributes },
    });
    return uniqueName;
  }

  constant(spec: TensorSpec, values: TensorValues, controlInputs: readonly string[] = []): string {
    const attributes = { dtype: { type: spec.dtype }, value: { tensor: { ...spec, values } } };
    return this.add('Const', controlInputs, attributes);
  }

  /** A tensor that each run has to feed by this name. */
  placeholder(name: string, { dtype, shape }: TensorSpec): string {
    return this.add('Placeholder', [], { dtype: { type: dtype }, shape: { shape } }, name);
  }

  /** Gives a value a name of its own, to fetch it by. */
  identity(value: string, dtype: DataType, name: string, controlInputs: readonly string[] = []): string {
    return this.add('Identity', [value, ...controlInputs], { T: { type: dtype } }, name);
  }

  /**
   * Makes all nodes that `build` adds one cluster, which XLA compiles as one program. Where a value leaves
   * the cluster, the caller puts an `XlaClusterOutput` node.
   *
   * @param id unique in the graph; undefined only calls `build`
   */
  cluster<T>(id: string | undefined, build: () => T): T {
    if (id === undefined) return build();
    this.#clusterAttributes = { _xla_compile_id: { string: id } };
    try {
      return build();
    } finally {
      this.#clusterAttributes = {};
    }
  }

  /**
   * TensorFlow's node names start with a letter, digit or dot; later characters may also be `_`, `/` or `-`.
   */
  #uniqueName(name: string): string {
    const valid = name.replace(/^[^A-Za-z0-9.]+/, '').replace(/[^A-Za-z0-9_./-]/g, '_') || 'node';
    const count = this.#nameCounts.get(valid) ?? 0;
    this.#nameCounts.set(valid, count + 1);
    return count === 0 ? valid : this.#uniqueName(`${valid}_${count}`);
  }
}

/** The control input that makes a node run after the one that computes `value`. */
export function controlInput(value: string): string {
  return `^${value.split(':')[0]}`;
}

/** The name of a node's output number `index`. */
export function outputName(node: string, index: number): string {
  return index === 0 ? node : `${node}:${index}`;
}
