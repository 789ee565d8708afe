import { CheckpointError } from '../errors.ts';
import { printable, quote } from '../text/index.ts';

/**
 * Explains names that would fit without a prefix, as `torch.compile` (`_orig_mod.`), DistributedDataParallel (`module.`)
 * or a model around the model add one.
 *
 * @param source names the file in errors
 * @param expected the names that are needed
 * @param prefix the prefix that was removed from the expected names already, for the error
 * @throws CheckpointError with code 'prefixed-names' if all expected names are there with one prefix
 */
export function checkPrefix(
  source: string,
  expected: readonly string[],
  found: Iterable<string>,
  prefix: string,
): void {
  const names = new Set(found);
  const [first] = expected;
  if (first === undefined) return;
  for (const name of names) {
    if (!name.endsWith(`.${first}`)) continue;
    const start = name.slice(0, name.length - first.length);
    if (!expected.every((other) => names.has(`${start}${other}`))) continue;
    const whole = start.startsWith(prefix) ? start : `${prefix}${start}`;
    throw new CheckpointError(
      'prefixed-names',
      `${source}: the names of the tensors have the prefix ${quote(whole)} (${printable(`${whole}${first}`)})`,
    );
  }
}

/**
 * @param source names the file in errors
 * @throws CheckpointError if the names are those of an adapter
 */
export function checkNotAdapter(source: string, found: Iterable<string>): void {
  const factor = [...found].find((name) => /\.lora_(?:[AaBb]|embedding_[AB])(?:\.|$)/.test(name));
  if (factor === undefined) return;
  throw new CheckpointError(
    'invalid-checkpoint',
    `${source}: contains an adapter (${printable(factor)}), not the weights of a model; import its folder, which has adapter_config.json too`,
  );
}
