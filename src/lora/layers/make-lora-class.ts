import * as tf from '@tensorflow/tfjs';
import type { LoraMethod } from '../config.ts';
import { type AdapterSettings, adapterWeights, type LayerAdapter, scalingOf } from './adapter.ts';
import { dilatedConv, isDilated } from './dilated-conv.ts';
import { doraTerm } from './dora.ts';
import type { BaseLayer, LayerKind } from './kind.ts';
import { channelsLast, ownLayout, perChannel } from './layout.ts';
import type { LoraLayer, LoraLayerConfig } from './lora-layer.ts';
import { isBias, isStatistic, kernelName, lastName } from './names.ts';
import { blendCopies, kernelUpdate, lowRankUpdate } from './updates.ts';

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
    enabled: boolean;
    readonly adapters = new Map<string, LayerAdapter>();
    readonly baseWeights = new Map<string, tf.LayerVariable>();
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
        scale: scalarVariable(`${this.name}/${name}/scale`),
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
      const config = { ...super.getConfig(), lora: lora as unknown as tf.serialization.ConfigDict };
      // tfjs leaves a separable convolution's multiplier out of its configuration.
      const { depthMultiplier } = this as { depthMultiplier?: number };
      return depthMultiplier === undefined ? config : { ...config, depthMultiplier };
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
      return this.#finish(ownLayout(output, this.dataFormat));
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
      return ownLayout(output, dataFormat);
    }

    #finish(output: tf.Tensor): tf.Tensor {
      const { bias, activation, dataFormat } = this;
      const sum = bias ? tf.add(output, perChannel(bias.read(), output.rank, dataFormat)) : output;
      return activation ? activation.apply(sum) : sum;
    }

    /** What an adapter adds to the output before the bias, channels last. */
    #term(adapter: LayerAdapter, input: tf.Tensor, plain: tf.Tensor, kwargs: Kwargs): tf.Tensor {
      const { a, b, initialA, initialB, dropout, magnitude } = adapter;
      const kind = this.kind!;
      const scale = adapter.scale as unknown as tf.Scalar;
      const x = dropout ? (dropout.apply(input, kwargs) as tf.Tensor) : input;
      const applyKernel = (kernel: tf.Tensor) => this.#applyKernel(x, kernel, kwargs);
      const path = (a: tf.LayerVariable, b: tf.LayerVariable) =>
        kind.path!({ a: a.read(), b: b.read(), scale, x, applyKernel });
      const term = initialA ? tf.sub(path(a!, b!), path(initialA, initialB!)) : path(a!, b!);
      if (!magnitude) return term;
      const kernel = this.#kernelWeight.read();
      // As PEFT: what dropout leaves of the input is turned as a whole.
      const turned = dropout && kwargs.training ? applyKernel(kernel) : plain;
      const update = lowRankUpdate(kind, adapter, kernel.shape);
      return doraTerm(kind, kernel, adapter, update, turned, term);
    }

    /** A base weight with copies swapped in, and a kernel with its updates where no side path adds them. */
    #effective(name: string, merged: boolean): tf.Tensor {
      const base = this.baseWeights.get(name)!.read() as tf.Tensor;
      const adapters = [...this.adapters.values()];
      const blended = blendCopies(base, adapters, name);
      if (!this.#isKernel(name) || !(merged || this.#inKernel)) return blended;
      return adapters
        .filter(({ a }) => a)
        .reduce((sum, adapter) => tf.add(sum, kernelUpdate(this.kind!, adapter, base)), blended);
    }

    #isKernel(name: string): boolean {
      return this.kind !== undefined && name === kernelName(this.kind);
    }

    /** Whether updates go into the kernel rather than beside it. */
    get #inKernel(): boolean {
      return this.method !== 'side' || !this.kind?.path;
    }

    #isReplaced(name: string): boolean {
      const updated = this.#isKernel(name) && this.#inKernel;
      return [...this.adapters.values()].some(({ a, copies }) => copies.has(name) || (updated && a));
    }

    /**
     * Adapters that add to the output. Those that are off add zero on native TensorFlow, where the call may be recorded
     * as a graph that outlives their being off; elsewhere they are left out, since there the sum would round otherwise.
     */
    #sideAdapters(): LayerAdapter[] {
      if (this.#inKernel) return [];
      const all = [...this.adapters.values()].filter(({ a }) => a);
      return tf.getBackend() === 'tensorflow' ? all : all.filter((adapter) => this.#scaleOf(adapter) !== 0);
    }

    get #kernelWeight(): tf.LayerVariable {
      return this.baseWeights.get(kernelName(this.kind!))!;
    }

    #copied(copies: AdapterSettings['copies']): [string, tf.LayerVariable][] {
      if (copies === 'none') return [];
      return [...this.baseWeights].filter(([name]) =>
        copies === 'bias' ? isBias(name) : !isStatistic(name),
      );
    }

    #configure(adapter: LayerAdapter, change: Partial<AdapterSettings>): void {
      adapter.settings = { ...adapter.settings, ...change };
      tf.tidy(() => adapter.scale.assign(tf.scalar(this.#scaleOf(adapter))));
    }

    #scaleOf({ settings }: LayerAdapter): number {
      return this.enabled && settings.active ? scalingOf(settings) * settings.strength : 0;
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

function isDilatedConv(baseName: string, layer: BaseLayer): boolean {
  return ['Conv1D', 'Conv2D'].includes(baseName) && isDilated(layer);
}

/** A scalar of 0 that is not trained. Names of variables have to differ, also between models. */
function scalarVariable(name: string): tf.Variable {
  return tf.tidy(() => {
    const zero = tf.scalar(0);
    return tf.variable(zero, false, `${name}_${zero.id}`);
  });
}
