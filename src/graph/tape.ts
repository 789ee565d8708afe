import type * as tf from '@tensorflow/tfjs';
import {
  type Binding,
  type DataType,
  dataTypeOf,
  type HostTensor,
  type NativeBackend,
  parseRawAttributes,
  type RawAttribute,
  type TensorMetadata,
} from '../tensorflow/index.ts';
import type { ProgramNode, ValueRef } from './program.ts';
import { RecordingError } from './recording-error.ts';

/** Results of constants that are larger are made anew by the program, so that it stays small. */
const FOLDED_VALUES = 4096;
const FOLDED_TYPES: readonly DataType[] = ['float32', 'int32', 'bool'];

/**
 * Writes down what passes between tfjs-node and its addon. Ops run as they would without it.
 * Constants become nodes when an op first uses them, so that two tapes of one function read alike.
 */
export class Tape {
  readonly nodes: ProgramNode[] = [];
  /** Tensors that were made before the tape began and are no variables; their values are in the program. */
  readonly captured: object[] = [];
  /** Layers that asked for the values of computed tensors; '' outside a layer. */
  readonly valueReads: string[] = [];
  readonly binding: Binding;
  readonly #original: Binding;
  readonly #refs = new Map<number, ValueRef>();
  readonly #constants = new Map<number, HostTensor>();
  readonly #outside = new Map<number, tf.TensorInfo>();
  readonly #sources = new Map<number, () => ProgramNode>();
  /** Whether a node's value depends on an input or a variable. */
  readonly #varying: boolean[] = [];
  #reads: { id: number; layer: string }[] = [];
  readonly #layers: readonly string[];

  /** @param layers names of the layers being applied, innermost last; the caller keeps it current */
  constructor(backend: NativeBackend, layers: readonly string[]) {
    const original = backend.binding;
    this.#original = original;
    this.#layers = layers;
    const own: Partial<Binding> = {
      executeOp: (name, attributes, inputs, outputs) => {
        this.#settleReads(name, inputs);
        const results = original.executeOp(name, attributes, inputs, outputs);
        this.#addOp(name, attributes, inputs, results);
        return results;
      },
      createTensor: (shape, dtype, values) => {
        const id = original.createTensor(shape, dtype, values);
        if (ArrayBuffer.isView(values)) {
          this.#constants.set(id, { dtype: dataTypeOf(dtype), shape: [...shape], values: values.slice() });
        }
        return id;
      },
      tensorDataSync: (id) => {
        this.#reads.push({ id, layer: this.#layers.at(-1) ?? '' });
        return original.tensorDataSync(id);
      },
    };
    this.binding = Object.create(
      original,
      Object.fromEntries(Object.entries(own).map(([key, value]) => [key, { value }])),
    );
  }

  /** Names the source of a tensor that exists before the tape begins; it becomes a node on first use. */
  declare(id: number, source: () => ProgramNode): void {
    this.#sources.set(id, source);
  }

  /** Sees every tensor that is handed to an op, to know the shapes of those made outside. */
  noteInputs(tensors: readonly tf.TensorInfo[], ids: readonly number[]): void {
    ids.forEach((id, index) => {
      if (!this.#refs.has(id) && !this.#constants.has(id)) this.#outside.set(id, tensors[index]!);
    });
  }

  ref(id: number): ValueRef {
    const known = this.#refs.get(id);
    if (known) return known;
    const source = this.#sources.get(id);
    if (source) return this.#know(id, source(), true);
    const { dtype, shape, values } = this.#constants.get(id) ?? this.#capture(id);
    const outputs = [{ dtype, shape }];
    return this.#know(id, { kind: 'constant', values, outputs, ...this.#layer() }, false);
  }

  finish(): void {
    this.#settleReads('', []);
  }

  #capture(id: number): HostTensor {
    const tensor = this.#outside.get(id);
    if (!tensor) throw new Error(`tensor ${id} reached an op by a way that the recording does not see`);
    if (tensor.dtype === 'string') {
      throw new RecordingError(
        'the step holds a tensor of strings, which a program cannot; use --engine eager',
      );
    }
    this.captured.push(tensor.dataId);
    const values = this.#original.tensorDataSync(id);
    return { dtype: tensor.dtype, shape: [...tensor.shape], values };
  }

  #addOp(op: string, attributes: RawAttribute[], inputs: number[], results: TensorMetadata[]): void {
    const refs = inputs.map((id) => this.ref(id));
    const varying = refs.some((ref) => this.#varying[ref.node]);
    if (!varying && refs.length > 0 && this.#fold(results)) return;
    const node = this.#push(
      {
        kind: 'op',
        op,
        attributes: parseRawAttributes(attributes, this.#original),
        inputs: refs,
        outputs: results.map(({ dtype, shape }) => ({ dtype: dataTypeOf(dtype), shape: [...shape] })),
        ...this.#layer(),
      },
      varying,
    ).node;
    results.forEach(({ id }, output) => {
      this.#refs.set(id, { node, output });
    });
  }

  /** What depends on constants alone is a constant itself, of the values that it just got. */
  #fold(results: TensorMetadata[]): boolean {
    const specs = results.map(({ dtype, shape }) => ({ dtype: dataTypeOf(dtype), shape: [...shape] }));
    const small = specs.every(
      ({ shape }) => shape.reduce((size, length) => size * length, 1) <= FOLDED_VALUES,
    );
    if (!small || !specs.every(({ dtype }) => FOLDED_TYPES.includes(dtype))) return false;
    results.forEach(({ id }, index) => {
      this.#constants.set(id, { ...specs[index]!, values: this.#original.tensorDataSync(id) });
    });
    return true;
  }

  /** tfjs-node's GatherV2 looks at its indices to check them; any other look is the program's own. */
  #settleReads(nextOp: string, inputs: readonly number[]): void {
    if (nextOp === 'GatherV2' && this.#reads.at(-1)?.id === inputs[1]) this.#reads.pop();
    for (const { id, layer } of this.#reads) {
      const ref = this.#refs.get(id);
      if (ref ? this.#varying[ref.node] : this.#sources.has(id)) this.valueReads.push(layer);
    }
    this.#reads = [];
  }

  #know(id: number, node: ProgramNode, varying: boolean): ValueRef {
    const ref = this.#push(node, varying);
    this.#refs.set(id, ref);
    return ref;
  }

  #push(node: ProgramNode, varying: boolean): ValueRef {
    this.#varying.push(varying);
    return { node: this.nodes.push(node) - 1, output: 0 };
  }

  #layer(): { layer?: string } {
    const layer = this.#layers.at(-1);
    return layer === undefined ? {} : { layer };
  }
}
