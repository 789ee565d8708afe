/** Registers the LoRA forms of layer classes in tfjs on import, so that saved models with adapters load. */
import * as tf from '@tensorflow/tfjs';
import { UsageError } from '../../errors.ts';
import { completeGradients } from '../../kernels/index.ts';
import { KNOWN_CLASSES } from './kernels.ts';
import { type BaseClass, type LoraClass, withAdapters } from './lora-class.ts';
import { CUSTOM_CLASS, type LoraLayerConfig } from './lora-layer.ts';

/** [class, fromConfig] by class name. */
const registeredClasses = () => tf.serialization.SerializationMap.getMap().classNameMap;

const register = (Class: unknown) =>
  tf.serialization.registerClass(Class as tf.serialization.SerializableConstructor<tf.layers.Layer>);

// tfjs lacks the gradients of dilated convolutions, and of ops that only custom layers use, such as einsum.
completeGradients();

for (const name of KNOWN_CLASSES)
  register(withAdapters(registeredClasses()[name]![0] as unknown as BaseClass));

/** The LoRA forms of classes that this library does not know, by base class. */
const customForms = new WeakMap<object, LoraClass>();

/**
 * The class under which LoRA layers are saved if this library does not know their base class. It has no instances:
 * `fromConfig` returns a layer of the LoRA form of the base class, which a program may register after it imports this library.
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
    const entry = registeredClasses()[className];
    if (!entry)
      throw new UsageError(
        'invalid-argument',
        `layer class '${className}': unknown to tfjs; call tf.serialization.registerClass(${className}) first`,
      );
    const [Base, fromConfig] = entry as unknown as [BaseClass, (...parts: unknown[]) => T];
    const Lora = customForms.get(Base) ?? withAdapters(Base, CUSTOM_CLASS);
    customForms.set(Base, Lora);
    return fromConfig(Lora, config, ...rest);
  }
}

register(CustomLora);
