import type { ImageAdjustment } from '../data/index.ts';
import { UsageError } from '../errors.ts';
import type { SaveOptions } from '../recipes/index.ts';
import { fallbackNotice, type LoadOptions } from '../tensorflow/index.ts';
import type { CliContext } from './context.ts';
import { messageWithHint } from './hints.ts';
import type { Device } from './options/shared.ts';

interface DeviceOptions {
  readonly device: Device;
  readonly tf32?: boolean;
  readonly deterministic?: boolean;
  readonly adjust?: readonly ImageAdjustment[];
}

/**
 * How to load TensorFlow for a command. If it aborts the process, the user gets one line and an exit code. Notices go to
 * stderr.
 */
function tensorflowOptions(
  { device, tf32, deterministic }: DeviceOptions,
  { note }: CliContext,
): LoadOptions {
  return {
    device,
    tf32,
    deterministic,
    endAtSecondSignal: true,
    reportAborts: (error) => `error: ${messageWithHint(error)}`,
    onNotice: (line) => note(`warning: ${line}`),
    onFallback: ({ device: fallback, error }) => note(fallbackNotice(fallback, messageWithHint(error))),
  };
}

/** Returns the options that a command passes to any recipe. */
export function recipeOptions(options: DeviceOptions, context: CliContext) {
  const { adjust } = options;
  return {
    tensorflow: tensorflowOptions(options, context),
    adjust,
    cwd: context.cwd,
    onNotice: context.note,
  };
}

/**
 * Where a command saves a run: in `--out`, else in `runs/<name>`, numbered if that is taken.
 *
 * @throws UsageError if `--overwrite` or `--resume` is set without `--out`
 */
export function saveOptions(
  {
    out,
    overwrite,
    resume,
  }: { readonly out?: string; readonly overwrite?: boolean; readonly resume?: boolean },
  name: string,
): SaveOptions {
  if ((overwrite || resume) && out === undefined) {
    throw new UsageError(
      'invalid-argument',
      `--${resume ? 'resume' : 'overwrite'}: needs the run's folder; set it with --out`,
    );
  }
  return { out: out ?? `runs/${name}`, numbered: out === undefined, overwrite };
}
