/**
 * The names of an adapter's tensors in `readAdapter`: `lora_A`, or `<kernel>/lora_A` if the layer's class does not have this
 * kernel as its only one.
 */

/** Splits a tensor's name into that of the kernel, which is empty for the layer's only one, and the rest. */
export function splitPart(part: string): { readonly kernel: string; readonly name: string } {
  const end = part.lastIndexOf('/');
  return { kernel: part.slice(0, Math.max(end, 0)), name: part.slice(end + 1) };
}

/** The kernels among names of tensors that are not the only one of their layer. */
export function updatedKernels(parts: Iterable<string>): string[] {
  return [...parts]
    .map(splitPart)
    .filter(({ kernel, name }) => name === 'lora_A' && kernel !== '')
    .map(({ kernel }) => kernel);
}

/**
 * Converts the tensors of each kernel.
 *
 * @param entries by the names of `readAdapter`
 * @param convert called with a kernel, empty for the layer's only one, and what it has by names without that of the kernel
 * @returns the results by names as in `entries`; entries that belong to no kernel, such as biases, are left as they are
 */
export function convertKernels<T>(
  entries: ReadonlyMap<string, T>,
  convert: (kernel: string, entries: ReadonlyMap<string, T>) => ReadonlyMap<string, T>,
): Map<string, T> {
  const converted = new Map(entries);
  const kernels = [...entries.keys()].filter((part) => splitPart(part).name === 'lora_A');
  for (const { kernel } of kernels.map(splitPart)) {
    const prefix = kernel === '' ? '' : `${kernel}/`;
    const own = new Map<string, T>();
    for (const name of FACTORS) {
      const entry = entries.get(`${prefix}${name}`);
      if (entry === undefined) continue;
      own.set(name, entry);
      converted.delete(`${prefix}${name}`);
    }
    for (const [name, entry] of convert(kernel, own)) converted.set(`${prefix}${name}`, entry);
  }
  return converted;
}

/** What an adapter has for each kernel. */
const FACTORS = ['lora_A', 'lora_B', 'lora_magnitude', 'initial_A', 'initial_B'];
