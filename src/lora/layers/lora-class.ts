import * as tf from '@tensorflow/tfjs';
import type { LoraMethod } from '../config.ts';
import {
  type AdapterSettings,
  adapterWeights,
  isBias,
  type KernelUpdate,
  type LayerAdapter,
  scalingOf,
} from './adapter.ts';
import { mergedWeight } from './delta-weight.ts';
import { type CallInputs, forward, type Kwargs } from './forward.ts';
import type { KindsByMethod, LayerKind } from './layer-kind.ts';
import type { BaseLayer, LoraLayer, LoraLayerConfig } from './lora-layer.ts';

type BaseClass = (new (config: tf.serialization.ConfigDict) => BaseLayer) & { className: string };

type LoraClass = (new (config: LayerConfig) => LoraLayer) & { className: string };

interface LayerConfig extends tf.serialization.ConfigDict {
  lora: LoraLayerConfig & tf.serialization.ConfigDict;
}

/** Registers the LoRA form of a tfjs layer class under the name `Lora` + its name, so that saved models load. */
export function registerLoraClass(baseName: string, kinds: KindsByMethod): void {
  const [Base] = tf.serialization.SerializationMap.getMap().classNameMap[baseName]!;
  const Adapted = withAdapters(Base as unknown as BaseClass, kinds);
  tf.serialization.registerClass(Adapted as unknown as tf.serialization.SerializableConstructor<BaseLayer>);
}

/**
 * Adds adapters to a tfjs layer class. Kernel, bias, A and B all belong to one layer, because tfjs does not track the
 * layers inside a custom layer. Which of them are trainable is decided weight by weight.
 */
export function withAdapters(Base: BaseClass, kinds: KindsByMethod): LoraClass {
  return class Lora extends Base implements LoraLayer {
    static override className = `Lora${Base.className}`;
    readonly isLoraLayer = true;
    readonly method: LoraMethod;
    readonly kernels: ReadonlyMap<string, LayerKind>;
    enabled: boolean;
    readonly frozenPaths: readonly string[];
    readonly adapters = new Map<string, LayerAdapter>();
    readonly baseWeights = new Map<string, tf.LayerVariable>();
    /** Adapters to add when the layer is built. */
    readonly #configuredAdapters: readonly AdapterSettings[];
    /** Put before the names of new weights: the name scope of the layer, such as `hidden/`. */
    #scope = '';

    constructor({ lora, ...baseConfig }: LayerConfig) {
      super(baseConfig as tf.serialization.ConfigDict);
      this.method = lora.method;
      const kind = ((this as BaseLayer).kinds ?? kinds)[lora.method];
      this.kernels = new Map(kind && [[kind.kernelName, kind]]);
      this.enabled = lora.enabled;
      this.frozenPaths = lora.frozenPaths ?? [];
      this.#configuredAdapters = lora.adapters;
    }

    override build(inputShape: tf.Shape | tf.Shape[]): void {
      super.build(inputShape);
      for (const weight of [...this.trainableWeights, ...this.nonTrainableWeights])
        this.baseWeights.set(lastName(weight), weight);
      for (const settings of this.#configuredAdapters) this.addAdapter(settings);
      // tfjs adds the name scope itself while it builds a layer, but not to weights that are added later.
      const [first] = this.baseWeights.values();
      this.#scope = first!.originalName.slice(0, -lastName(first!).length);
      this.#updateTrainable();
    }

    override call(inputs: CallInputs, kwargs: Kwargs): CallInputs {
      return tf.tidy(() =>
        forward({ layer: this, baseCall: (x, options) => super.call(x, options), inputs, kwargs }),
      );
    }

    override getConfig(): tf.serialization.ConfigDict {
      const { method, enabled, adapters, frozenPaths } = this;
      const settings = [...adapters.values()].map((adapter) => ({ ...adapter.settings }));
      const lora = {
        method,
        enabled,
        adapters: this.built ? settings : [...this.#configuredAdapters],
        ...(frozenPaths.length > 0 && { frozenPaths: [...frozenPaths] }),
      };
      const config = { ...super.getConfig(), lora: lora as unknown as tf.serialization.ConfigDict };
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
      const names = settings.kernels ?? [...this.kernels.keys()];
      return new Map(names.map((kernelName) => [kernelName, this.#addUpdate(settings, kernelName)]));
    }

    #addUpdate(settings: AdapterSettings, kernelName: string): KernelUpdate {
      const { name, rank, dora, subtractsInitialUpdate } = settings;
      const kind = this.kernels.get(kernelName)!;
      const isOnlyKernel = this.kernels.size === 1 && this.kernels.has(kernelName);
      const prefix = isOnlyKernel ? '' : `${kernelName}/`;
      const kernelShape = this.baseWeights.get(kernelName)!.shape as number[];
      const shapes = kind.factorShapes(kernelShape, rank);
      const { outputs } = kind.matrixShape(kernelShape);
      const add = (part: string, shape: number[]) => this.#addZeros(`${name}/${prefix}${part}`, shape);
      return {
        kind,
        prefix,
        a: add('lora_A', shapes.a),
        b: add('lora_B', shapes.b),
        initialA: subtractsInitialUpdate ? add('initial_A', shapes.a) : undefined,
        initialB: subtractsInitialUpdate ? add('initial_B', shapes.b) : undefined,
        magnitude: dora ? add('lora_magnitude', [outputs]) : undefined,
      };
    }

    #addTrainedCopies({ name, trainedCopies }: AdapterSettings): Map<string, tf.LayerVariable> {
      if (trainedCopies === 'none') return new Map();
      // No gradient changes the moving averages of a normalization.
      const isCopied = (weightName: string) =>
        trainedCopies === 'bias' ? isBias(weightName) : !weightName.startsWith('moving_');
      return new Map(
        [...this.baseWeights]
          .filter(([weightName]) => isCopied(weightName))
          .map(([weightName, { shape }]) => [weightName, this.#addZeros(`${name}/${weightName}`, shape)]),
      );
    }

    #addZeros(name: string, shape: tf.Shape): tf.LayerVariable {
      return this.addWeight(`${this.#scope}${name}`, shape, 'float32', tf.initializers.zeros());
    }

    /** Changes settings of an adapter and updates its scale. */
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

/** The part of a weight's name after its name scopes. */
function lastName({ originalName }: tf.LayerVariable): string {
  return originalName.slice(originalName.lastIndexOf('/') + 1);
}

/** A scalar variable of 0 that is not trained. The id makes its name unique, as tfjs requires across models. */
function zeroScalar(name: string): tf.Variable<tf.Rank.R0> {
  return tf.tidy(() => {
    const zero = tf.scalar(0);
    return tf.variable(zero, false, `${name}_${zero.id}`);
  });
}
