/**
 * Step 1 of 4, record: the tape that turns the calls between tfjs-node and its addon into the nodes of a
 * program.
 *
 * tfjs-node calls the addon to create a tensor, to run an op, and to read a tensor's values. The tape passes
 * each call on, so the function computes as it would without it, and notes what the call did. A tensor's id
 * in the addon is all that connects the calls:
 *
 *   executeOp('MatMul', attributes, [7, 9]) -> 12      becomes an op node; from then on 12 is its output
 *   createTensor([2], float32, [1, 2]) -> 13           becomes a constant node once an op takes 13
 *   an id that the tape has not seen                   is an input, a variable or a captured tensor
 */
import * as tf from '@tensorflow/tfjs';
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

/**
 * Most elements of a tensor for which an op on constants is replaced by its result. Larger results are
 * computed again by the program, so that the graph stays small.
 */
const MAX_FOLDED_VALUES = 4096;
const FOLDED_TYPES: readonly DataType[] = ['float32', 'int32', 'bool'];

/** Records one run of a function. */
export class Tape {
  readonly nodes: ProgramNode[] = [];
  /** `dataId`s of captured tensors: made outside the function, and now constants of the program. */
  readonly captured: object[] = [];
  /** For each read of a computed tensor's values, the layer that read them, or '' outside layers. */
  readonly valueReads: string[] = [];
  /** The addon with recording, to be put in place of the backend's. */
  readonly binding: Binding;
  readonly #original: Binding;
  readonly #layers: readonly string[];
  /** Tensors that have a node. */
  readonly #refs = new Map<number, ValueRef>();
  /** Constants that may not have a node yet. Nodes are in order of use, so that two tapes of a function agree. */
  readonly #constants = new Map<number, HostTensor>();
  /** Inputs and variables that may not have a node yet. */
  readonly #sources = new Map<number, () => ProgramNode>();
  /** Other tensors that an op has taken. */
  readonly #outside = new Map<number, tf.TensorInfo>();
  /** For each node, whether its value depends on an input or a variable. */
  readonly #varying: boolean[] = [];
  /** Reads of values since the last op. */
  #pendingReads: { id: number; layer: string }[] = [];

  /** @param layers names of the layers that are being applied, innermost last; kept up to date by the caller */
  constructor(backend: NativeBackend, layers: readonly string[]) {
    this.#original = backend.binding;
    this.#layers = layers;
    this.binding = this.#recordingBinding();
  }

  /** Declares an input or a variable: a tensor that exists before recording. Its node is added on first use. */
  declare(id: number, node: () => ProgramNode): void {
    this.#sources.set(id, node);
  }

  /** To be called with all tensors that an op takes: their shapes are needed if they were made outside. */
  noteInputs(tensors: readonly tf.TensorInfo[], ids: readonly number[]): void {
    ids.forEach((id, index) => {
      if (!this.#refs.has(id) && !this.#constants.has(id)) this.#outside.set(id, tensors[index]!);
    });
  }

  /** A tensor's value in the program. Adds a node if there is none yet. */
  ref(id: number): ValueRef {
    const ref = this.#refs.get(id);
    if (ref) return ref;
    const source = this.#sources.get(id);
    if (source) return this.#addSource(id, source(), true);
    const { dtype, shape, values } = this.#constants.get(id) ?? this.#capture(id);
    const outputs = [{ dtype, shape }];
    return this.#addSource(id, { kind: 'constant', values, outputs, ...this.#layer() }, false);
  }

  /** Returns whether a tensor was created in this run and depends on no input or variable. */
  isConstant(id: number): boolean {
    return this.#constants.has(id);
  }

  /** To be called after the function: completes `valueReads`. */
  finish(): void {
    this.#checkReads('', []);
  }

  #recordingBinding(): Binding {
    const original = this.#original;
    const recording: Partial<Binding> = {
      executeOp: (name, attributes, inputs, outputs) => {
        this.#checkReads(name, inputs);
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
        this.#pendingReads.push({ id, layer: this.#layers.at(-1) ?? '' });
        return original.tensorDataSync(id);
      },
    };
    // The addon's own properties are read-only, so they cannot be assigned on an object that inherits them.
    return Object.create(
      original,
      Object.fromEntries(Object.entries(recording).map(([name, value]) => [name, { value }])),
    );
  }

  /** Reads the values of a tensor that was made outside the function. They become a constant of the program. */
  #capture(id: number): HostTensor {
    const tensor = this.#outside.get(id);
    if (!tensor) throw new Error(`tensor ${id} was passed to an op in a way that recording does not see`);
    const { dtype, shape, dataId } = tensor;
    if (dtype === 'string') {
      throw new RecordingError(
        'the function: uses a tensor of strings, which a program cannot contain; run it eagerly',
      );
    }
    this.captured.push(dataId);
    return { dtype, shape: [...shape], values: this.#original.tensorDataSync(id) };
  }

  #addOp(op: string, attributes: RawAttribute[], inputs: number[], results: TensorMetadata[]): void {
    const refs = inputs.map((id) => this.ref(id));
    const outputs = results.map(({ dtype, shape }) => ({ dtype: dataTypeOf(dtype), shape: [...shape] }));
    const varying = refs.some((ref) => this.#varying[ref.node]);
    const foldable = outputs.every(
      ({ dtype, shape }) => FOLDED_TYPES.includes(dtype) && tf.util.sizeFromShape(shape) <= MAX_FOLDED_VALUES,
    );
    // Constant folding: an op on constants alone becomes a constant. Ops without inputs may be random.
    if (!varying && refs.length > 0 && foldable) {
      results.forEach(({ id }, index) => {
        this.#constants.set(id, { ...outputs[index]!, values: this.#original.tensorDataSync(id) });
      });
      return;
    }
    const node = this.#addNode(
      {
        kind: 'op',
        op,
        attributes: parseRawAttributes(attributes, this.#original),
        inputs: refs,
        outputs,
        ...this.#layer(),
      },
      varying,
    );
    results.forEach(({ id }, output) => {
      this.#refs.set(id, { node, output });
    });
  }

  /**
   * Moves the pending reads that the function made of computed values to `valueReads`. tfjs-node itself reads
   * the indices of `GatherV2`, to check their range. Reading a value that depends on constants only is allowed.
   */
  #checkReads(nextOp: string, inputs: readonly number[]): void {
    if (nextOp === 'GatherV2' && this.#pendingReads.at(-1)?.id === inputs[1]) this.#pendingReads.pop();
    for (const { id, layer } of this.#pendingReads) {
      const ref = this.#refs.get(id);
      if (ref ? this.#varying[ref.node] : this.#sources.has(id)) this.valueReads.push(layer);
    }
    this.#pendingReads = [];
  }

  #addSource(id: number, node: ProgramNode, varying: boolean): ValueRef {
    const ref = { node: this.#addNode(node, varying), output: 0 };
    this.#refs.set(id, ref);
    return ref;
  }

  #addNode(node: ProgramNode, varying: boolean): number {
    this.#varying.push(varying);
    return this.nodes.push(node) - 1;
  }

  #layer(): { layer?: string } {
    const layer = this.#layers.at(-1);
    return layer === undefined ? {} : { layer };
  }
}
