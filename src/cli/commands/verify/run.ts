import type { ImageAdjustment } from '../../../data/index.ts';
import { CheckpointError } from '../../../errors.ts';
import { jsonText } from '../../../files/index.ts';
import { verifyAdapterFiles, verifyRun } from '../../../recipes/index.ts';
import type { Check } from '../../../verification/index.ts';
import type { CliContext } from '../../context.ts';
import { recipeOptions } from '../../environment.ts';
import type { Device } from '../../options/shared.ts';

/** Options of `verify`. */
export interface VerifyCommandOptions {
  readonly baseModel?: string;
  readonly data?: string;
  readonly adjust?: readonly ImageAdjustment[];
  readonly device: Device;
  readonly json?: boolean;
}

/**
 * Checks a run, or with `baseModel` the adapter in a folder, and prints each result as soon as it is known.
 *
 * @throws CheckpointError if a check fails
 */
export async function runVerify(
  run: string,
  options: VerifyCommandOptions,
  context: CliContext,
): Promise<void> {
  const { baseModel, data, json } = options;
  const common = recipeOptions(options, context);
  const results =
    baseModel === undefined
      ? verifyRun({ ...common, run, data })
      : verifyAdapterFiles({ ...common, adapter: run, baseModel });
  const checks: Check[] = [];
  for await (const check of results) {
    checks.push(check);
    if (!json) context.print(renderCheck(check));
  }
  const failed = checks.filter(({ outcome }) => outcome === 'failed').map(({ name }) => name);
  if (json) {
    const passed = failed.length === 0;
    context.print(jsonText({ format: 'tfjs-lora verification', formatVersion: 1, run, passed, checks }));
  }
  if (failed.length > 0) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${run}: ${failed.length} of ${checks.length} checks failed (${failed.join(', ')})`,
    );
  }
  const skipped = checks.filter(({ outcome }) => outcome === 'skipped').length;
  context.note(`${checks.length - skipped} checks passed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
}

function renderCheck({ outcome, claim, difference, allowed, detail }: Check): string {
  const word = { passed: 'passed ', failed: 'FAILED ', skipped: 'skipped' }[outcome];
  const limit = allowed ? `, ${allowed.toExponential(0)} allowed` : '';
  const measured =
    difference === undefined
      ? detail
      : `difference ${difference === 0 ? 0 : difference.toExponential(1)} on ${detail}${limit}`;
  return `${word}  ${claim}\n         ${measured}`;
}
