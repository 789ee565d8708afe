import type * as tf from '@tensorflow/tfjs';
import { UsageError } from '../../errors.ts';
import { type InitOptions, injectLora, setAdapterStrength } from '../../lora/index.ts';
import type { Run } from '../../runs/index.ts';
import type { FinetuneOptions } from '../commands/finetune.ts';
import { loraConfigFrom } from '../options/adapter.ts';
import { flagOf } from '../settings/options.ts';

/** Options that an adapted run has settled already; of the first three it is on record how. */
const RECORDED = ['rank', 'alpha', 'method'] as const;
const SETTLED = [
  ...['targets', 'exclude', 'bias', 'init', 'rslora', 'dora', 'dropout'],
  ...['rankPattern', 'alphaPattern', 'modulesToSave'],
];

interface Wanted {
  /** The run as the user named it. */
  readonly path: string;
  readonly options: FinetuneOptions;
  /** Names of the options that were given, not left at their default. */
  readonly given: ReadonlySet<string>;
  /** Whether the run's own training goes on. */
  readonly resumed: boolean;
}

/**
 * The run's adapted model at full strength, or its base with a new adapter.
 *
 * @param loss for `--init lora-ga`
 * @throws UsageError when an option was given that the run's adapter has settled
 */
export function adaptedModel(
  run: Run,
  { path, options, given, resumed }: Wanted,
  loss: InitOptions['loss'],
): tf.LayersModel {
  const { adapter } = run.manifest;
  if (!adapter) return injectLora(run.base, loraConfigFrom(options), { loss });
  setAdapterStrength(run.model, 1);
  // What was given then says no more than the run itself does.
  if (resumed) return run.model;
  const settled = `the adapter of ${path} is made already; leave the option out, or start from a base`;
  const changed = RECORDED.find((name) => given.has(name) && options[name] !== adapter[name]);
  if (changed) {
    throw new UsageError(
      'invalid-argument',
      `--${changed} ${options[changed]}: it has ${changed} ${adapter[changed]}, and ${settled}`,
    );
  }
  const other = SETTLED.find((name) => given.has(name));
  if (other) throw new UsageError('invalid-argument', `${flagOf(other)}: ${settled}`);
  return run.model;
}
