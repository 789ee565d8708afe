import * as tf from '@tensorflow/tfjs';
import type { LoraMethod } from '../config.ts';
import { type AdapterSettings, adapterWeights, type LayerAdapter, scalingOf } from './adapter.ts';
import { callAdapted, type Inputs, type Kwargs } from './call.ts';
import type { BaseLayer, LayerKind } from './kind.ts';
import type { LoraLayer, LoraLayerConfig } from './lora-layer.ts';
import { isBias, isStatistic, kernelName, lastName } from './names.ts';
import { effectiveWeight } from './updates.ts';

interface LayerConfig extends tf.serialization.ConfigDict {
  lora: LoraLayerConfig & tf.serialization.ConfigDict;
}
type BaseClass = (new (config: tf.serialization.ConfigDict) => BaseLayer) & { className: string };

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
      const { name, rank, trainedCopies, subtractsInitialUpdate, dora, dropout } = settings;
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
        initialA: subtractsInitialUpdate ? factor('initial_A', shapes?.a) : undefined,
        initialB: subtractsInitialUpdate ? factor('initial_B', shapes?.b) : undefined,
        magnitude: dora
          ? add('lora_magnitude', [this.kind!.sides(kernel!.shape as number[]).outputs])
          : undefined,
        trainedCopies: new Map(
          this.#copied(trainedCopies).map(([part, weight]) => [part, add(part, weight.shape)]),
        ),
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

    isOn({ active, strength }: AdapterSettings): boolean {
      return this.enabled && active && strength > 0;
    }

    effectiveWeight(name: string): tf.Tensor {
      return tf.tidy(() => effectiveWeight(this, name, true).clone());
    }

    get addedWeights(): Map<string, tf.LayerVariable> {
      return new Map(
        [...this.adapters].flatMap(([name, adapter]) =>
          [...adapterWeights(adapter)].map(([part, weight]) => [`${name}/${part}`, weight] as const),
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

    override call(inputs: Inputs, kwargs: Kwargs): Inputs {
      return tf.tidy(() => callAdapted(this, (x, options) => super.call(x, options), inputs, kwargs));
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

    #copied(trainedCopies: AdapterSettings['trainedCopies']): [string, tf.LayerVariable][] {
      if (trainedCopies === 'none') return [];
      return [...this.baseWeights].filter(([name]) =>
        trainedCopies === 'bias' ? isBias(name) : !isStatistic(name),
      );
    }

    #configure(adapter: LayerAdapter, change: Partial<AdapterSettings>): void {
      adapter.settings = { ...adapter.settings, ...change };
      const { settings } = adapter;
      const scale = this.isOn(settings) ? scalingOf(settings) * settings.strength : 0;
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

/** A scalar of 0 that is not trained. Names of variables have to differ, also between models. */
function scalarVariable(name: string): tf.Variable {
  return tf.tidy(() => {
    const zero = tf.scalar(0);
    return tf.variable(zero, false, `${name}_${zero.id}`);
  });
}
