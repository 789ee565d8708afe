import type { HostTensor, TensorValues, VariableSpec } from './dtypes.ts';
import { controlInput, type GraphBuilder } from './graph-builder.ts';
import type { Session } from './session.ts';

/** A variable and the nodes through which it is written and read. */
interface Entry extends VariableSpec {
  /** Placeholder for a new value. */
  readonly feed: string;
  /** Fetched to assign what was fed. */
  readonly set: string;
  /** Fetched to read the value. */
  readonly get: string;
}

/**
 * Variables of a session that are written and read as a group, such as all weights. `add` declares them while
 * the graph is being built; `write` and `read` work once a session has loaded it. A variable has no value
 * until it is written.
 */
export class SessionVariables {
  readonly #graph: GraphBuilder;
  readonly #prefix: string;
  readonly #shared: boolean;
  readonly #entries: Entry[] = [];

  /**
   * @param prefix of the group's node names, unique in the graph
   * @param options.shared let TensorFlow use the memory of written arrays as the variables, instead of a copy. For variables
   *   that the graph does not assign; the caller must not change the arrays. TensorFlow still copies an array on another
   *   device and one that does not start at a multiple of 64 bytes, see `alignedBytes`. Default false.
   */
  constructor(graph: GraphBuilder, prefix: string, { shared = false }: { readonly shared?: boolean } = {}) {
    this.#graph = graph;
    this.#prefix = prefix;
    this.#shared = shared;
  }

  /**
   * Adds a variable to the graph and returns its handle, a resource that ops such as `ReadVariableOp` take.
   */
  add(spec: VariableSpec): string {
    const { dtype, shape } = spec;
    const graph = this.#graph;
    const type = { dtype: { type: dtype } } as const;
    const nodeName = `${this.#prefix}${this.#entries.length}`;
    const handle = graph.add('VarHandleOp', [], {
      ...type,
      shape: { shape },
      shared_name: { string: nodeName },
      container: { string: '' },
    });
    const feed = graph.placeholder(`feed_${nodeName}`, { dtype, shape });
    // TensorFlow may keep what is assigned as the variable's buffer, and later write into it.
    const assigned = this.#shared ? feed : graph.add('DeepCopy', [feed], { T: { type: dtype } });
    const assign = graph.add('AssignVariableOp', [handle, assigned], type);
    const done = graph.constant({ dtype: 'int32', shape: [] }, Int32Array.of(1), [controlInput(assign)]);
    const set = graph.identity(done, 'int32', `set_${nodeName}`);
    const value = graph.add('ReadVariableOp', [handle], type);
    const get = graph.identity(value, dtype, `get_${nodeName}`);
    this.#entries.push({ ...spec, feed, set, get });
    return handle;
  }

  /** Names of all variables of the group, in the order of their declaration. */
  names(): string[] {
    return this.#entries.map(({ name }) => name);
  }

  /**
   * Assigns to variables by name; the others keep their values.
   *
   * @param values for each variable its elements, or the id of a tensor of the addon
   */
  write(session: Session, values: ReadonlyMap<string, TensorValues | number>): void {
    const feeds: Record<string, HostTensor | number> = {};
    const fetches: string[] = [];
    for (const { name, dtype, shape, feed, set } of this.#entries) {
      const value = values.get(name);
      if (value === undefined) continue;
      feeds[feed] = typeof value === 'number' ? value : { dtype, shape, values: value };
      fetches.push(set);
    }
    if (fetches.length > 0) session.execute(feeds, fetches);
  }

  /** Reads variables by name, all by default. */
  read(session: Session, names: readonly string[] = this.names()): Map<string, TensorValues> {
    const entries = this.#entries.filter(({ name }) => names.includes(name));
    if (entries.length === 0) return new Map();
    const values = session.read(
      {},
      entries.map(({ get }) => get),
    );
    return new Map(entries.map(({ name }, index) => [name, values[index]!]));
  }
}
