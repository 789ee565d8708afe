import * as tf from '@tensorflow/tfjs';
import { weightsByName } from '../../models/index.ts';
import type { LoraMethod } from '../config.ts';
import {
  type AdapterSettings,
  adapterWeights,
  isBias,
  type KernelUpdate,
  type LayerAdapter,
  scalingOf,
} from './adapter.ts';
import { mergedWeight, normShape } from './delta-weight.ts';
import { type CallInputs, forward, type Kwargs } from './forward.ts';
import { kernelsOf, kindOfWeight } from './kernels.ts';
import type { LayerKind } from './layer-kind.ts';
import type { BaseLayer, LoraLayer, LoraLayerConfig } from './lora-layer.ts';

/** A class of tfjs layers. */
export type BaseClass = (new (config: tf.serialization.ConfigDict) => BaseLayer) & { className: string };

/** The LoRA form of a class of layers. */
export type LoraClass = (new (config: LayerConfig) => LoraLayer) & { className: string };

interface LayerConfig extends tf.serialization.ConfigDict {
  lora: LoraLayerConfig & tf.serialization.ConfigDict;
}

/**
 * Returns the LoRA form of a tfjs layer class: a subclass whose layers have adapters. Kernel, bias, A and B all belong to one
 * layer, because tfjs does not track the layers inside a custom layer. Each weight is made trainable or frozen on its own.
 *
 * @param className the name under which layers are saved
 */
export function withAdapters(Base: BaseClass, className = `Lora${Base.className}`): LoraClass {
  return class Lora extends Base implements LoraLayer {
    static override className = className;
    readonly isLoraLayer = true;
    readonly method: LoraMethod;
    readonly customClass?: string;
    enabled: boolean;
    readonly frozenPaths: readonly string[];
    readonly adapters = new Map<string, LayerAdapter>();
    readonly baseWeights = new Map<string, tf.LayerVariable>();
    /** Adapters to add when the layer is built. */
    readonly #configuredAdapters: readonly AdapterSettings[];
    /** Names of the weights that are not trainable in the base either, such as the moving averages of a normalization. */
    readonly #constants = new Set<string>();
    /** Prefix of the names of weights that are added after `build`: the name scope of the layer, such as `hidden/`. */
    #scope = '';

    constructor({ lora, ...baseConfig }: LayerConfig) {
      super(baseConfig as tf.serialization.ConfigDict);
      this.method = lora.method;
      if (lora.className !== undefined) this.customClass = lora.className;
      this.enabled = lora.enabled;
      this.frozenPaths = (lora.frozenPaths ?? []).map((path) =>
        typeof path === 'string' ? path : path.name,
      );
      this.#configuredAdapters = lora.adapters;
    }

    override build(inputShape: tf.Shape | tf.Shape[]): void {
      super.build(inputShape);
      const weights = [...super.trainableWeights, ...super.nonTrainableWeights];
      for (const [name, weight] of weightsByName(weights, this.name)) {
        this.baseWeights.set(name, weight);
        if (!weight.trainable) this.#constants.add(name);
      }
      for (const settings of this.#configuredAdapters) this.addAdapter(settings);
      // tfjs adds the name scope itself while it builds a layer, but not to weights that are added later.
      const [[name, first]] = [...this.baseWeights] as [[string, tf.LayerVariable]];
      this.#scope = first.originalName.slice(0, -name.length);
      this.#updateTrainable();
    }

    get kernels(): ReadonlyMap<string, LayerKind> {
      return kernelsOf(this, this.method);
    }

    override call(inputs: CallInputs, kwargs: Kwargs): CallInputs {
      return tf.tidy(() =>
        forward({ layer: this, baseCall: (x, options) => super.call(x, options), inputs, kwargs }),
      );
    }

    /** A custom class can override this method, so the static name is not enough to be saved as `className`. */
    override getClassName(): string {
      return this.customClass === undefined ? super.getClassName() : className;
    }

    override getConfig(): tf.serialization.ConfigDict {
      const { method, enabled, adapters, frozenPaths, customClass } = this;
      const settings = [...adapters.values()].map((adapter) => ({ ...adapter.settings }));
      const lora = {
        ...(customClass !== undefined && { className: customClass }),
        method,
        enabled,
        adapters: this.built ? settings : [...this.#configuredAdapters],
        ...(frozenPaths.length > 0 && { frozenPaths: frozenPaths.map((name) => ({ name })) }),
      };
      const config = { ...this.#baseConfig(), lora: lora as unknown as tf.serialization.ConfigDict };
      // tfjs omits a separable convolution's multiplier from its configuration.
      const { depthMultiplier } = this as { depthMultiplier?: number };
      return depthMultiplier === undefined ? config : { ...config, depthMultiplier };
    }

    addAdapter(settings: AdapterSettings): LayerAdapter {
      const { name, dropout } = settings;
      const adapter: LayerAdapter = {
        settings,
        scale: zeroScalar(`${this.name}/${name}/scale`),
        updates: this.#addUpdates(settings),
        trainedCopies: this.#addTrainedCopies(settings),
        dropout:
          dropout > 0
            ? tf.layers.dropout({ rate: dropout, name: `${this.name}_${name}_dropout` })
            : undefined,
      };
      this.adapters.set(name, adapter);
      this.#changeSettings(adapter, {});
      this.#updateTrainable();
      return adapter;
    }

    removeAdapter(name: string): void {
      const adapter = this.adapters.get(name);
      if (!adapter) return;
      const weights = [...adapterWeights(adapter).values()];
      // tfjs rejects a weight name that it has seen. Names from `build` are listed there without the scope.
      const tracked = this as unknown as { _addedWeightNames: string[] };
      tracked._addedWeightNames = tracked._addedWeightNames.filter(
        (weightName) =>
          !weightName.startsWith(`${this.#scope}${name}/`) && !weightName.startsWith(`${name}/`),
      );
      this.adapters.delete(name);
      this.#updateTrainable();
      for (const weight of weights) weight.dispose();
      adapter.scale.dispose();
    }

    setActiveAdapters(names: ReadonlySet<string>): void {
      for (const adapter of this.adapters.values())
        this.#changeSettings(adapter, { active: names.has(adapter.settings.name) });
      this.#updateTrainable();
    }

    setStrength(name: string, strength: number): void {
      const adapter = this.adapters.get(name);
      if (adapter) this.#changeSettings(adapter, { strength });
    }

    setEnabled(enabled: boolean): void {
      this.enabled = enabled;
      for (const adapter of this.adapters.values()) this.#changeSettings(adapter, {});
    }

    isOn({ active, strength }: AdapterSettings): boolean {
      return this.enabled && active && strength > 0;
    }

    mergedWeight(name: string): tf.Tensor {
      return tf.tidy(() => mergedWeight(this, name).clone());
    }

    get addedWeights(): Map<string, tf.LayerVariable> {
      return new Map(
        [...this.adapters].flatMap(([adapterName, adapter]) =>
          [...adapterWeights(adapter)].map(([name, weight]) => [`${adapterName}/${name}`, weight] as const),
        ),
      );
    }

    // RNN and Bidirectional override these four to list the weights of their cells and layers, which omits those of adapters.
    override get trainableWeights(): tf.LayerVariable[] {
      return this.#isReady() ? listOf('trainableWeights', this) : super.trainableWeights;
    }

    override set trainableWeights(weights: tf.LayerVariable[]) {
      (this as unknown as WeightLists)._trainableWeights = weights;
    }

    override get nonTrainableWeights(): tf.LayerVariable[] {
      return this.#isReady() ? listOf('nonTrainableWeights', this) : super.nonTrainableWeights;
    }

    override set nonTrainableWeights(weights: tf.LayerVariable[]) {
      (this as unknown as WeightLists)._nonTrainableWeights = weights;
    }

    override get trainable(): boolean {
      return this.trainable_;
    }

    override set trainable(trainable: boolean) {
      this.trainable_ = trainable;
      if (this.built) this.#updateTrainable();
    }

    protected override disposeWeights(): number {
      for (const { scale } of this.adapters.values()) scale.dispose();
      return super.disposeWeights();
    }

    #addUpdates(settings: AdapterSettings): Map<string, KernelUpdate> {
      if (settings.rank === 0) return new Map();
      const names = settings.kernels?.map(({ name }) => name) ?? [...this.kernels.keys()];
      return new Map(names.map((kernelName) => [kernelName, this.#addUpdate(settings, kernelName)]));
    }

    #addUpdate(settings: AdapterSettings, kernelName: string): KernelUpdate {
      const { name, rank, dora, subtractsInitialUpdate } = settings;
      const kind = kindOfWeight(this, kernelName, this.method)!;
      const { kernels } = this;
      const isOnlyKernel = kernels.size === 1 && kernels.has(kernelName);
      const prefix = isOnlyKernel ? '' : `${kernelName}/`;
      const kernelShape = this.baseWeights.get(kernelName)!.shape as number[];
      const shapes = kind.factorShapes(kernelShape, rank);
      const add = (part: string, shape: number[]) => this.#addZeros(`${name}/${prefix}${part}`, shape);
      return {
        kind,
        prefix,
        a: add('lora_A', shapes.a),
        b: add('lora_B', shapes.b),
        initialA: subtractsInitialUpdate ? add('initial_A', shapes.a) : undefined,
        initialB: subtractsInitialUpdate ? add('initial_B', shapes.b) : undefined,
        magnitude: dora ? add('lora_magnitude', normShape(kind, kernelShape)) : undefined,
      };
    }

    #addTrainedCopies({ name, trainedCopies }: AdapterSettings): Map<string, tf.LayerVariable> {
      if (trainedCopies === 'none') return new Map();
      const isCopied = (weightName: string) =>
        trainedCopies === 'bias' ? isBias(weightName) : !this.#constants.has(weightName);
      return new Map(
        [...this.baseWeights]
          .filter(([weightName]) => isCopied(weightName))
          .map(([weightName, { shape }]) => [weightName, this.#addZeros(`${name}/${weightName}`, shape)]),
      );
    }

    #baseConfig(): tf.serialization.ConfigDict {
      const config = super.getConfig();
      const { cell } = this as unknown as { cell?: tf.layers.Layer };
      if (Base.className !== 'RNN' || !cell) return config;
      // RNN.getConfig of tfjs writes the cell only if the class is called RNN, which LoraRNN is not.
      return { ...config, cell: { className: cell.getClassName(), config: cell.getConfig() } };
    }

    /** False while the constructors of the base classes run, before there are private fields, and until the layer is built. */
    #isReady(): boolean {
      return #scope in this && this.baseWeights.size > 0;
    }

    #addZeros(name: string, shape: tf.Shape): tf.LayerVariable {
      return this.addWeight(`${this.#scope}${name}`, shape, 'float32', tf.initializers.zeros());
    }

    /** Changes settings of an adapter, if any, and updates its scale, which also depends on `enabled`. */
    #changeSettings(adapter: LayerAdapter, change: Partial<AdapterSettings>): void {
      adapter.settings = { ...adapter.settings, ...change };
      const { settings } = adapter;
      const scale = this.isOn(settings) ? scalingOf(settings) * settings.strength : 0;
      tf.tidy(() => adapter.scale.assign(tf.scalar(scale)));
    }

    /**
     * Makes the weights of active adapters trainable (except the initial A and B), and no others. A weight is moved
     * between tfjs' two lists as well, because compiling a model marks everything in the first one as trainable.
     */
    #updateTrainable(): void {
      const trained: tf.LayerVariable[] = [];
      const frozen = [...this.baseWeights.values()];
      for (const adapter of this.adapters.values()) {
        const initial = [...adapter.updates.values()].flatMap(({ initialA, initialB }) => [
          initialA,
          initialB,
        ]);
        for (const weight of adapterWeights(adapter).values())
          (adapter.settings.active && !initial.includes(weight) ? trained : frozen).push(weight);
      }
      for (const weight of trained) weight.trainable = this.trainable_;
      for (const weight of frozen) weight.trainable = false;
      this.trainableWeights = trained;
      this.nonTrainableWeights = frozen;
    }
  };
}

/** The lists of weights of tfjs' class Layer. */
interface WeightLists {
  _trainableWeights: tf.LayerVariable[];
  _nonTrainableWeights: tf.LayerVariable[];
}

/** Returns a list of weights as the getter of tfjs' class Layer does, also if a subclass overrides it. */
function listOf(
  list: 'trainableWeights' | 'nonTrainableWeights',
  layer: tf.layers.Layer,
): tf.LayerVariable[] {
  return Object.getOwnPropertyDescriptor(tf.layers.Layer.prototype, list)!.get!.call(layer);
}

/** Returns a scalar variable of 0 that is not trained. The id makes its name unique, as tfjs requires across models. */
function zeroScalar(name: string): tf.Variable<tf.Rank.R0> {
  return tf.tidy(() => {
    const zero = tf.scalar(0);
    return tf.variable(zero, false, `${name}_${zero.id}`);
  });
}
