import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { contentHash } from '../../../content-hash.ts';
import { CheckpointError } from '../../../errors.ts';
import { jsonText } from '../../../files/index.ts';
import { loadModel, openRun, type RunManifest } from '../../../runs/index.ts';
import { type Check, compareHashes, verify } from '../../../verification/index.ts';
import type { CliContext } from '../../context.ts';
import { useTensorFlow } from '../../environment.ts';
import { sampleInputs } from '../../sample-inputs.ts';
import type { VerifyOptions } from './command.ts';

/** Examples of the test set that outputs are compared on. */
const EXAMPLES = 1000;

/** Proves what a run promises and prints each proof with what was measured. */
export async function verifyRun(path: string, options: VerifyOptions, context: CliContext): Promise<void> {
  await useTensorFlow(options, context);
  const run = await openRun(path, context.cwd);
  const { inputs } = await sampleInputs(run, options, EXAMPLES, context);
  const checks: Check[] = [];
  const add = (check: Check) => {
    checks.push(check);
    if (!options.json) context.print(renderCheck(check));
  };
  for await (const check of verify({ ...run, inputs, baseHash: run.manifest.contentHash })) add(check);
  const origin = await originCheck(run.manifest);
  if (origin) add(origin);
  tf.dispose([...inputs]);
  const failed = checks.filter(({ outcome }) => outcome === 'failed').map(({ name }) => name);
  if (options.json) {
    const document = {
      format: 'tfjs-lora verification',
      formatVersion: 1,
      run: path,
      passed: failed.length === 0,
    };
    context.print(jsonText({ ...document, checks }));
  }
  if (failed.length > 0) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${path}: ${failed.length} of ${checks.length} proofs failed: ${failed.join(', ')}`,
    );
  }
  context.note(`${checks.length} proofs, none failed`);
}

/** Whether the run that this one was derived from still has its content. */
async function originCheck({ derivedFrom, command }: RunManifest): Promise<Check | undefined> {
  if (!derivedFrom || command === 'merge') return undefined;
  const name = 'origin-unchanged';
  const claim = 'the run that the base was taken from still has its content';
  const model = join(derivedFrom.folder, 'model');
  if (!existsSync(join(model, 'model.json'))) {
    return { name, claim, outcome: 'skipped', detail: `${derivedFrom.folder} is not there any more` };
  }
  const base = await loadModel(model);
  try {
    return compareHashes({ name, claim }, contentHash(base), derivedFrom.contentHash);
  } finally {
    base.dispose();
  }
}

function renderCheck({ outcome, claim, difference, allowed, detail }: Check): string {
  const word = { passed: 'passed ', failed: 'FAILED ', skipped: 'skipped' }[outcome];
  const measured =
    difference === undefined
      ? detail
      : `difference ${difference === 0 ? 0 : difference.toExponential(1)} on ${detail}` +
        (allowed ? `, ${allowed.toExponential(0)} allowed` : '');
  return `${word}  ${claim}\n         ${measured}`;
}
