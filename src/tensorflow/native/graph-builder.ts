import type { NodeAttribute } from './attributes.ts';
import type { DataType, TensorSpec, TensorValues } from './dtypes.ts';

/** A node of a TensorFlow graph. Inputs are `node`, `node:output`, or `^node` for "after". */
export interface NodeDef {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly attributes: Readonly<Record<string, NodeAttribute>>;
}

/** Collects the nodes of a graph. What its methods return names a node's first output. */
export class GraphBuilder {
  readonly nodes: NodeDef[] = [];
  readonly #names = new Map<string, number>();
  #everywhere: Record<string, NodeAttribute> = {};

  add(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, NodeAttribute>> = {},
    name?: string,
  ): string {
    const own = this.#unique(name ?? op);
    this.nodes.push({ name: own, op, inputs, attributes: { ...attributes, ...this.#everywhere } });
    return own;
  }

  constant(spec: TensorSpec, values: TensorValues, controlInputs: readonly string[] = []): string {
    return this.add('Const', controlInputs, {
      dtype: { type: spec.dtype },
      value: { tensor: { ...spec, values } },
    });
  }

  placeholder(name: string, { dtype, shape }: TensorSpec): string {
    return this.add('Placeholder', [], { dtype: { type: dtype }, shape: { shape } }, name);
  }

  identity(value: string, dtype: DataType, name: string, controlInputs: readonly string[] = []): string {
    return this.add('Identity', [value, ...controlInputs], { T: { type: dtype } }, name);
  }

  /** Marks every node that `build` adds as part of one XLA program; without an id it only builds. */
  cluster<T>(id: string | undefined, build: () => T): T {
    if (id === undefined) return build();
    this.#everywhere = { _xla_compile_id: { string: id } };
    try {
      return build();
    } finally {
      this.#everywhere = {};
    }
  }

  /** TensorFlow's node names: a letter, a digit or a dot, then also _ / \ - and >. */
  #unique(wanted: string): string {
    const clean = wanted.replace(/^[^A-Za-z0-9.]+/, '').replace(/[^A-Za-z0-9_./-]/g, '_') || 'node';
    const used = this.#names.get(clean) ?? 0;
    this.#names.set(clean, used + 1);
    return used === 0 ? clean : this.#unique(`${clean}_${used}`);
  }
}

/** The control edge that makes a node run after `ref`. */
export function controlInput(ref: string): string {
  return `^${ref.split(':')[0]}`;
}

/** Output `index` of a node. */
export function outputName(node: string, index: number): string {
  return index === 0 ? node : `${node}:${index}`;
}
