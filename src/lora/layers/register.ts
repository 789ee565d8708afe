/** Registers the LoRA forms of layer classes in tfjs on import, so that saved models with adapters load. */
import * as tf from '@tensorflow/tfjs';
import { UsageError } from '../../errors.ts';
import { completeGradients } from '../../kernels/index.ts';
import { KNOWN_CLASSES } from './kernels.ts';
import { type BaseClass, type LoraClass, withAdapters } from './lora-class.ts';
import { CUSTOM_CLASS, type LoraLayerConfig } from './lora-layer.ts';

const classes = () => tf.serialization.SerializationMap.getMap().classNameMap;

const register = (Class: unknown) =>
  tf.serialization.registerClass(Class as tf.serialization.SerializableConstructor<tf.layers.Layer>);

// tfjs lacks those of dilated convolutions, and of ops that only custom layers use, such as einsum.
completeGradients();

for (const name of KNOWN_CLASSES) register(withAdapters(classes()[name]![0] as unknown as BaseClass));

/** The LoRA forms of classes that this library does not know. */
const adaptedClasses = new WeakMap<object, LoraClass>();

/**
 * Stands for the LoRA form of every class that this library does not know, such as a program's own. These are registered
 * later than this library is imported, so their LoRA forms are made when a model needs them.
 */
class CustomLora extends tf.layers.Layer {
  static className = CUSTOM_CLASS;

  /** @throws UsageError if the base class is not registered */
  static override fromConfig<T extends tf.serialization.Serializable>(
    _: tf.serialization.SerializableConstructor<T>,
    config: tf.serialization.ConfigDict,
    ...rest: unknown[]
  ): T {
    const { className } = config.lora as unknown as Required<LoraLayerConfig>;
    const entry = classes()[className];
    if (!entry)
      throw new UsageError(
        'invalid-argument',
        `layer class '${className}': unknown to tfjs; call tf.serialization.registerClass(${className}) first`,
      );
    const [Base, fromConfig] = entry as unknown as [BaseClass, (...parts: unknown[]) => T];
    const Adapted = adaptedClasses.get(Base) ?? withAdapters(Base, CUSTOM_CLASS);
    adaptedClasses.set(Base, Adapted);
    return fromConfig(Adapted, config, ...rest);
  }
}

register(CustomLora);
