import { baseWeightsOf, KNOWN_CLASSES, kernelsOf, kindOfWeight, type LoraMethod } from '../lora/index.ts';
import { recurrentDifference } from '../torch/index.ts';
import type { PeftModule } from './modules.ts';

/** A weight that PEFT adapts as a parameter of a module (`target_parameters`), not as the module's weight. */
export interface PeftParameter {
  readonly peftModule: PeftModule;
  /** Its name in the tfjs layer. */
  readonly kernel: string;
  /** Its name in the adapter's configuration: `<module>.<parameter>`. */
  readonly path: string;
  /** Prefix of the names of its tensors: `.lora_A.weight` and others follow. */
  readonly tensorPrefix: string;
  /**
   * How PyTorch stores the weight: `linear` as [out, in], `matrix` and `stack` as tfjs does, [in, out] or [stack, in, out].
   * `tfjs`: PyTorch has no such weight, so A and B are stored in tfjs' layout.
   */
  readonly form: 'linear' | 'matrix' | 'stack' | 'tfjs';
  /** See `WeightLayout.gates`. */
  readonly gates?: readonly number[];
  /** What PEFT does not support, as a noun phrase; absent if PEFT can load its A and B. */
  readonly incompatibility?: string;
}

/**
 * Whether the A and B of a kernel are stored in tfjs' layout.
 *
 * @param kernel as `splitPart` returns it: empty for the layer's only kernel
 * @param moduleInTfjsLayout the answer for the layer's only kernel
 */
export function isInTfjsLayout(peftModule: PeftModule, kernel: string, moduleInTfjsLayout: boolean): boolean {
  return kernel === '' ? moduleInTfjsLayout : describe(peftModule, kernel).form === 'tfjs';
}

/** Lists the weights of a layer that can be adapted as parameters. */
export function possibleParameters(peftModule: PeftModule, method: LoraMethod): PeftParameter[] {
  const { layer } = peftModule;
  const kernels = [...baseWeightsOf(layer).keys()].filter(
    (name) => !isModuleWeight(peftModule, name, method) && kindOfWeight(layer, name, method),
  );
  return kernels.flatMap((kernel) => peftParameters(peftModule, [kernel]));
}

/** Whether an adapter with `method` updates this weight as that of the module (`target_modules`). */
function isModuleWeight({ layer }: PeftModule, name: string, method: LoraMethod): boolean {
  const kernels = kernelsOf(layer, method);
  return kernels.size === 1 && kernels.has(name);
}

/**
 * Describes the weights of a layer that an adapter updates as parameters. PEFT wraps a module once for each of its
 * parameters, in their order, so that the names of all but the last one's tensors contain `base_layer`.
 *
 * @param kernels names of the weights in the layer
 */
export function peftParameters(peftModule: PeftModule, kernels: readonly string[]): PeftParameter[] {
  const ordered = [...baseWeightsOf(peftModule.layer).keys()].filter((name) => kernels.includes(name));
  const parameters = ordered.map((kernel) => describe(peftModule, kernel));
  return parameters.map((parameter, index) => {
    if (parameter.form === 'tfjs') return { ...parameter, tensorPrefix: parameter.path };
    const module = moduleOf(parameter.path);
    const outer = parameters
      .slice(index + 1)
      .filter(({ form, path }) => form !== 'tfjs' && moduleOf(path) === module);
    return { ...parameter, tensorPrefix: `${module}${'.base_layer'.repeat(outer.length)}` };
  });
}

/**
 * Returns the name in a file of a weight that PyTorch does not have. The layers inside Bidirectional can have automatic names,
 * which differ between processes, so their names are replaced by the direction: `forward.kernel` for `forward_lstm_LSTM1/kernel`.
 */
export function nameInFile(className: string, weight: string): string {
  const stable = className === 'Bidirectional' ? weight.replace(/^(forward|backward)_[^/]+/, '$1') : weight;
  return stable.replaceAll('/', '.');
}

/** Returns the path of the module of a parameter. */
const moduleOf = (path: string): string => path.slice(0, path.lastIndexOf('.'));

/** Describes one parameter, without what depends on the other parameters of its module. */
function describe(peftModule: PeftModule, kernel: string): Omit<PeftParameter, 'tensorPrefix'> {
  const { layer, name, className, layouts } = peftModule;
  const layout = layouts.find(({ weight, gates }) => weight === kernel && gates);
  if (layout) {
    const difference = recurrentDifference(layer);
    return {
      peftModule,
      kernel,
      path: `${name}.${layout.parameter}`,
      form: 'linear',
      gates: layout.gates,
      ...(difference && { incompatibility: `'${name}' (${className}): ${difference}` }),
    };
  }
  const path = `${name}.${nameInFile(className, kernel)}`;
  const axes = baseWeightsOf(layer).get(kernel)!.shape.length;
  if ('kinds' in layer || KNOWN_CLASSES.includes(className)) {
    const incompatibility = `'${path}' (${className}: PyTorch has no such weight)`;
    return { peftModule, kernel, path, form: 'tfjs', incompatibility };
  }
  if (axes > 3) {
    const incompatibility = `'${path}' (a parameter of ${axes} axes; PEFT adapts those of 2 and 3)`;
    return { peftModule, kernel, path, form: 'tfjs', incompatibility };
  }
  return { peftModule, kernel, path, form: axes === 3 ? 'stack' : 'matrix' };
}
