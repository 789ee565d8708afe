import type { HostTensor, TensorValues, VariableSpec } from './dtypes.ts';
import { controlInput, type GraphBuilder } from './graph-builder.ts';
import type { Session } from './session.ts';

interface Entry extends VariableSpec {
  readonly handle: string;
  readonly feed: string;
  readonly set: string;
  readonly get: string;
}

/** A group of variables that live in a session and are written and read together. */
export class SessionVariables {
  readonly #graph: GraphBuilder;
  readonly #prefix: string;
  readonly #entries: Entry[] = [];

  /** @param prefix keeps the node names of groups apart */
  constructor(graph: GraphBuilder, prefix: string) {
    this.#graph = graph;
    this.#prefix = prefix;
  }

  /** Declares a variable and gives the node of its handle. */
  add(spec: VariableSpec): string {
    const { dtype, shape, name } = spec;
    const graph = this.#graph;
    const type = { dtype: { type: dtype } } as const;
    const own = `${this.#prefix}${this.#entries.length}`;
    const handle = graph.add('VarHandleOp', [], {
      ...type,
      shape: { shape },
      shared_name: { string: own },
      container: { string: '' },
    });
    const feed = graph.placeholder(`feed_${own}`, { dtype, shape });
    // Without the copy the variable would keep, and write into, the caller's array.
    const copy = graph.add('DeepCopy', [feed], { T: { type: dtype } });
    const assign = graph.add('AssignVariableOp', [handle, copy], type);
    const done = graph.constant({ dtype: 'int32', shape: [] }, Int32Array.of(1), [controlInput(assign)]);
    const set = graph.identity(done, 'int32', `set_${own}`);
    const value = graph.add('ReadVariableOp', [handle], type);
    const get = graph.identity(value, dtype, `get_${own}`);
    this.#entries.push({ ...spec, name, handle, feed, set, get });
    return handle;
  }

  names(): string[] {
    return this.#entries.map(({ name }) => name);
  }

  /** Writes variables; those without a value here keep theirs. */
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

  read(session: Session, names: readonly string[] = this.names()): Map<string, TensorValues> {
    const wanted = this.#entries.filter(({ name }) => names.includes(name));
    if (wanted.length === 0) return new Map();
    const values = session.read(
      {},
      wanted.map(({ get }) => get),
    );
    return new Map(wanted.map(({ name }, index) => [name, values[index]!]));
  }
}
