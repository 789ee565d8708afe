import * as tf from '@tensorflow/tfjs';
import type { LoraMethod } from '../config.ts';
import { type AdapterSettings, adapterWeights, gateOf, type LayerAdapter, scalingOf } from './adapter.ts';
import { dilatedConv, isDilated } from './dilated-conv.ts';
import { doraTerm, doraUpdate } from './dora.ts';
import type { BaseLayer, LayerKind } from './kind.ts';
import type { LoraLayer, LoraLayerConfig } from './lora-layer.ts';

type Kwargs = Record<string, unknown>;
interface LayerConfig extends tf.serialization.ConfigDict {
  lora: LoraLayerConfig & tf.serialization.ConfigDict;
}
export type BaseClass = (new (config: tf.serialization.ConfigDict) => BaseLayer) & { className: string };

const linear = (tf.layers.activation({ activation: 'linear', name: 'lora_linear' }) as BaseLayer).activation!;

/**
 * Makes the adapted form of a tfjs layer class, named 'Lora' + its name, and registers it for loading.
 * Kernel, bias, A and B belong to one layer; what trains is decided weight by weight.
 */
export function registerLoraClass(baseName: string, kinds: Partial<Record<LoraMethod, LayerKind>>): void {
  const Base = tf.serialization.SerializationMap.getMap().classNameMap[baseName]![0] as unknown as BaseClass;

  class Lora extends Base implements LoraLayer {
    static override className = `Lora${baseName}`;
    readonly isLoraLayer = true;
    readonly method: LoraMethod;
    readonly kind: LayerKind | undefined;
    readonly adapters = new Map<string, LayerAdapter>();
    readonly baseWeights = new Map<string, tf.LayerVariable>();
    enabled: boolean;
    readonly #initial: readonly AdapterSettings[];
    #prefix = '';

    constructor(config: LayerConfig) {
      const { lora, ...base } = config;
      super(base as tf.serialization.ConfigDict);
      this.method = lora.method;
      this.kind = kinds[lora.method];
      this.enabled = lora.enabled;
      this.#initial = lora.adapters;
    }

    override build(inputShape: tf.Shape | tf.Shape[]): void {
      super.build(inputShape);
      for (const weight of [...this.trainableWeights, ...this.nonTrainableWeights])
        this.baseWeights.set(lastName(weight), weight);
      for (const settings of this.#initial) this.addAdapter(settings);
      // From here on weights are added outside the name scope that tfjs opens while it builds a layer.
      const [first] = this.baseWeights.values();
      this.#prefix = first!.originalName.slice(0, -lastName(first!).length);
      this.#updateTrainable();
    }

    addAdapter(settings: AdapterSettings): LayerAdapter {
      const { name, rank, copies, anchored, dora, dropout } = settings;
      const add = (part: string, shape: readonly unknown[]) =>
        this.addWeight(
          `${this.#prefix}${name}/${part}`,
          shape as number[],
          'float32',
          tf.initializers.zeros(),
        );
      const kernel = this.kind && this.baseWeights.get(kernelName(this.kind));
      const shapes = rank > 0 ? this.kind!.factorShapes(kernel!.shape as number[], rank) : undefined;
      const factor = (part: string, shape: readonly number[] | undefined) => shape && add(part, shape);
      const adapter: LayerAdapter = {
        settings,
        scale: tf.tidy(() => tf.variable(tf.scalar(0), false)),
        a: factor('lora_A', shapes?.a),
        b: factor('lora_B', shapes?.b),
        initialA: anchored ? factor('initial_A', shapes?.a) : undefined,
        initialB: anchored ? factor('initial_B', shapes?.b) : undefined,
        magnitude: dora
          ? add('lora_magnitude', [this.kind!.sides(kernel!.shape as number[]).outputs])
          : undefined,
        copies: new Map(this.#copied(copies).map(([part, weight]) => [part, add(part, weight.shape)])),
        dropout:
          dropout > 0
            ? tf.layers.dropout({ rate: dropout, name: `${this.name}_${name}_dropout` })
            : undefined,
      };
      this.adapters.set(name, adapter);
      this.#configure(adapter, {});
      this.#updateTrainable();
      return adapter;
    }

    removeAdapter(name: string): void {
      const adapter = this.adapters.get(name);
      if (!adapter) return;
      const gone = [...adapterWeights(adapter).values()];
      const own = this as unknown as { _addedWeightNames: string[] };
      own._addedWeightNames = own._addedWeightNames.filter(
        (added) => !added.startsWith(`${this.#prefix}${name}/`) && !added.startsWith(`${name}/`),
      );
      this.adapters.delete(name);
      this.#updateTrainable();
      for (const weight of gone) weight.dispose();
      adapter.scale.dispose();
    }

    selectAdapters(names: ReadonlySet<string>): void {
      for (const adapter of this.adapters.values())
        this.#configure(adapter, { active: names.has(adapter.settings.name) });
      this.#updateTrainable();
    }

    setStrength(name: string, strength: number): void {
      const adapter = this.adapters.get(name);
      if (adapter) this.#configure(adapter, { strength });
    }

    setEnabled(enabled: boolean): void {
      this.enabled = enabled;
      for (const adapter of this.adapters.values()) this.#configure(adapter, {});
    }

    effectiveWeight(name: string): tf.Tensor {
      return tf.tidy(() => this.#effective(name, true).clone());
    }

    override get trainable(): boolean {
      return this.trainable_;
    }

    override set trainable(trainable: boolean) {
      this.trainable_ = trainable;
      if (this.built) this.#updateTrainable();
    }

    override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Kwargs): tf.Tensor | tf.Tensor[] {
      return tf.tidy(() => {
        const replaced = [...this.baseWeights].filter(([name]) => this.#isReplaced(name));
        const values = replaced.map(([name]) => this.#effective(name, false));
        replaced.forEach(([, weight], index) => {
          weight.read = () => values[index] as tf.Variable;
        });
        try {
          return this.#sideAdapters().length > 0
            ? this.#callBeside(inputs, kwargs)
            : this.#callBase(inputs, kwargs);
        } finally {
          for (const [, weight] of replaced) delete (weight as Partial<tf.LayerVariable>).read;
        }
      });
    }

    override getConfig(): tf.serialization.ConfigDict {
      const { method, enabled, adapters } = this;
      const settings = [...adapters.values()].map((adapter) => ({ ...adapter.settings }));
      // Before the layer is built its adapters are only configuration.
      const lora = { method, enabled, adapters: this.built ? settings : [...this.#initial] };
      // tfjs leaves a separable convolution's multiplier out of its configuration.
      const { depthMultiplier } = this as { depthMultiplier?: number };
      const own = depthMultiplier === undefined ? {} : { depthMultiplier };
      return { ...super.getConfig(), ...own, lora: lora as unknown as tf.serialization.ConfigDict };
    }

    protected override disposeWeights(): number {
      for (const { scale } of this.adapters.values()) scale.dispose();
      return super.disposeWeights();
    }

    /** As the base layer does it; what is frozen runs as in inference, and what has no gradient in tfjs gets one. */
    #callBase(inputs: tf.Tensor | tf.Tensor[], kwargs: Kwargs): tf.Tensor | tf.Tensor[] {
      if (baseName === 'BatchNormalization') return super.call(inputs, { ...kwargs, training: false });
      if (!isDilatedConv(baseName, this)) return super.call(inputs, kwargs);
      const output = this.#convolve(Array.isArray(inputs) ? inputs[0]! : inputs, this.#kernelWeight.read());
      return this.#finish(output);
    }

    /** The base's output before bias and activation, plus each adapter's term, then bias and activation. */
    #callBeside(inputs: tf.Tensor | tf.Tensor[], kwargs: Kwargs): tf.Tensor {
      const x = Array.isArray(inputs) ? inputs[0]! : inputs;
      const kernel = this.#kernelWeight.read();
      const plain = this.#applyKernel(x, kernel, kwargs);
      let output = plain;
      for (const adapter of this.#sideAdapters())
        output = tf.add(output, this.#term(adapter, x, plain, kwargs));
      return this.#finish(toLayout(output, this.dataFormat));
    }

    /** What the layer makes of x with another kernel: no bias, no activation, channels last. */
    #applyKernel(x: tf.Tensor, kernel: tf.Tensor, kwargs: Kwargs): tf.Tensor {
      if (isDilatedConv(baseName, this)) return channelsLast(this.#convolve(x, kernel), this.dataFormat);
      const { bias, useBias, activation } = this;
      const weight = this.#kernelWeight;
      const read = Object.getOwnPropertyDescriptor(weight, 'read');
      Object.assign(this, { bias: null, useBias: false, activation: linear });
      weight.read = () => kernel as tf.Variable;
      try {
        return channelsLast(super.call(x, kwargs) as tf.Tensor, this.dataFormat);
      } finally {
        Object.assign(this, { bias, useBias, activation });
        if (read) Object.defineProperty(weight, 'read', read);
        else delete (weight as Partial<tf.LayerVariable>).read;
      }
    }

    #convolve(x: tf.Tensor, kernel: tf.Tensor): tf.Tensor {
      const { dataFormat, padding, dilationRate } = this;
      const rates = [dilationRate ?? 1].flat();
      const output = dilatedConv(channelsLast(x, dataFormat), kernel, padding as 'valid' | 'same', rates);
      return toLayout(output, dataFormat);
    }

    #finish(output: tf.Tensor): tf.Tensor {
      const { bias, activation, dataFormat } = this;
      const channels =
        dataFormat === 'channelsFirst' ? [1, -1, ...new Array(output.rank - 2).fill(1)] : undefined;
      const sum = bias ? tf.add(output, channels ? bias.read().reshape(channels) : bias.read()) : output;
      return activation ? activation.apply(sum) : sum;
    }

    /** What an adapter adds to the output before the bias, channels last. */
    #term(adapter: LayerAdapter, input: tf.Tensor, plain: tf.Tensor, kwargs: Kwargs): tf.Tensor {
      const { a, b, initialA, initialB, dropout, magnitude } = adapter;
      const x = dropout ? (dropout.apply(input, kwargs) as tf.Tensor) : input;
      const applyKernel = (kernel: tf.Tensor) => this.#applyKernel(x, kernel, kwargs);
      const path = (a: tf.LayerVariable, b: tf.LayerVariable) =>
        this.kind!.path!({
          a: a.read(),
          b: b.read(),
          scale: adapter.scale as unknown as tf.Scalar,
          x,
          applyKernel,
        });
      const term = path(a!, b!);
      if (magnitude) {
        const kernel = this.#kernelWeight.read();
        // PEFT turns the dropped input when it drops, and the whole of it otherwise.
        const turned = dropout && kwargs.training ? applyKernel(kernel) : plain;
        return doraTerm(this.kind!, kernel, adapter, turned, term);
      }
      return initialA ? tf.sub(term, path(initialA, initialB!)) : term;
    }

    /** The layer's weight with copies swapped in, and with low-rank updates where the side path does not add them. */
    #effective(name: string, merged: boolean): tf.Tensor {
      const base = this.baseWeights.get(name)!.read() as tf.Tensor;
      const adapters = [...this.adapters.values()];
      let value = blend(
        base,
        adapters.filter(({ copies }) => copies.has(name)),
        name,
      );
      if (!this.kind || name !== kernelName(this.kind)) return value;
      for (const adapter of adapters.filter(({ a }) => a))
        if (merged || !this.kind.path || this.method !== 'side')
          value = tf.add(value, this.#kernelUpdate(adapter));
      return value;
    }

    /** scale·A·B in the kernel's shape, or what the adapter's variant makes of it. */
    #kernelUpdate(adapter: LayerAdapter): tf.Tensor {
      const kind = this.kind!;
      const kernel = this.#kernelWeight.read();
      if (adapter.magnitude) return doraUpdate(kind, kernel, adapter);
      const update = kind.update(adapter.a!.read(), adapter.b!.read(), kernel.shape);
      const { initialA, initialB } = adapter;
      if (!initialA) return tf.mul(update, adapter.scale);
      return tf.mul(
        tf.sub(update, kind.update(initialA.read(), initialB!.read(), kernel.shape)),
        adapter.scale,
      );
    }

    get #kernelWeight(): tf.LayerVariable {
      return this.baseWeights.get(kernelName(this.kind!))!;
    }

    #isReplaced(name: string): boolean {
      const inKernel =
        this.kind && name === kernelName(this.kind) && (this.method !== 'side' || !this.kind.path);
      return [...this.adapters.values()].some(({ a, copies }) => copies.has(name) || (inKernel && a));
    }

    #sideAdapters(): LayerAdapter[] {
      if (this.method !== 'side' || !this.kind?.path) return [];
      return [...this.adapters.values()].filter(({ a }) => a);
    }

    #copied(copies: AdapterSettings['copies']): [string, tf.LayerVariable][] {
      if (copies === 'none') return [];
      return [...this.baseWeights].filter(([name]) =>
        copies === 'bias' ? name === 'bias' : !name.startsWith('moving_'),
      );
    }

    #configure(adapter: LayerAdapter, change: Partial<AdapterSettings>): void {
      adapter.settings = { ...adapter.settings, ...change };
      const { active, strength } = adapter.settings;
      const scale = this.enabled && active ? scalingOf(adapter.settings) * strength : 0;
      tf.tidy(() => adapter.scale.assign(tf.scalar(scale)));
    }

    /**
     * A, B, magnitude and copies of active adapters train, nothing else. Weights move between tfjs' two lists, because
     * a model that is compiled marks everything in the first as trainable.
     */
    #updateTrainable(): void {
      const training: tf.LayerVariable[] = [];
      const frozen = [...this.baseWeights.values()];
      for (const adapter of this.adapters.values()) {
        for (const weight of adapterWeights(adapter).values()) {
          const anchor = weight === adapter.initialA || weight === adapter.initialB;
          (adapter.settings.active && !anchor ? training : frozen).push(weight);
        }
      }
      for (const weight of training) weight.trainable = this.trainable_;
      for (const weight of frozen) weight.trainable = false;
      this.trainableWeights = training;
      this.nonTrainableWeights = frozen;
    }
  }
  tf.serialization.registerClass(Lora as unknown as tf.serialization.SerializableConstructor<BaseLayer>);
}

/** The kernel's name among the layer's weights. */
export function kernelName({ kernel }: LayerKind): string {
  return kernel.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** What PyTorch calls a layer's bias; tfjs' normalisations call it beta. */
export function isBias(name: string): boolean {
  return name === 'bias' || name === 'beta';
}

function isDilatedConv(baseName: string, layer: BaseLayer): boolean {
  return ['Conv1D', 'Conv2D'].includes(baseName) && isDilated(layer);
}

function lastName({ originalName }: tf.LayerVariable): string {
  return originalName.slice(originalName.lastIndexOf('/') + 1);
}

/** (1 - sum of gates)·base + sum of gate·copy: at gates of 0 and 1 exactly the base and the copy. */
function blend(base: tf.Tensor, adapters: readonly LayerAdapter[], name: string): tf.Tensor {
  if (adapters.length === 0) return base;
  const gates = adapters.map(gateOf);
  const rest = tf.sub(1, gates.length === 1 ? gates[0]! : tf.addN(gates));
  return adapters.reduce<tf.Tensor>(
    (sum, { copies }, index) => tf.add(sum, tf.mul(copies.get(name)!.read(), gates[index]!)),
    tf.mul(base, rest),
  );
}

function channelsLast(x: tf.Tensor, dataFormat: BaseLayer['dataFormat']): tf.Tensor {
  if (dataFormat !== 'channelsFirst') return x;
  return x.transpose([0, ...Array.from({ length: x.rank - 2 }, (_, axis) => axis + 2), 1]);
}

/** Channels last to the layer's own layout. */
function toLayout(x: tf.Tensor, dataFormat: BaseLayer['dataFormat']): tf.Tensor {
  if (dataFormat !== 'channelsFirst') return x;
  return x.transpose([0, x.rank - 1, ...Array.from({ length: x.rank - 2 }, (_, axis) => axis + 1)]);
}
