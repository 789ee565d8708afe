import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { CheckpointError } from '../errors.ts';
import { firstFault, readJson, writeJson } from '../files/index.ts';
import type { GuardHistory } from '../training/index.ts';
import { readState, writeState } from './state-files.ts';

const CHECKS_FILE = 'guard.json';
const BEST_FILE = 'best.safetensors';

const count = z.int().min(0);

/** Counts by label: the validation examples of each class, and how many of them each check misclassified. */
const checksSchema = z.object({
  support: z.array(count),
  checks: z.array(z.object({ step: count, errors: z.array(count) })).min(1),
});

/**
 * Writes what a guard needs to resume: its checks as `guard.json`, and its best state.
 *
 * @throws CheckpointError if a file cannot be written
 */
export async function writeGuard(folder: string, { checks, best }: GuardHistory): Promise<void> {
  await writeState(join(folder, BEST_FILE), best);
  await writeJson(join(folder, CHECKS_FILE), {
    support: checks[0]!.counts.map(({ support }) => support),
    checks: checks.map(({ step, counts }) => ({ step, errors: counts.map(({ errors }) => errors) })),
  });
}

/**
 * Reads the files of `writeGuard`.
 *
 * @returns undefined if the folder has none
 * @throws CheckpointError if a file is damaged
 */
export async function readGuard(folder: string): Promise<GuardHistory | undefined> {
  const path = join(folder, CHECKS_FILE);
  if (!existsSync(path)) return undefined;
  const { support, checks } = parseChecks(path, await readJson(path));
  const best = await readState(join(folder, BEST_FILE));
  if (!checks.some(({ step }) => step === best.step)) {
    throw damaged(path, `none of its checks is of step ${best.step}, that of ${BEST_FILE}`);
  }
  return {
    checks: checks.map(({ step, errors }) => ({
      step,
      counts: support.map((examples, label) => ({ support: examples, errors: errors[label]! })),
    })),
    best,
  };
}

function parseChecks(path: string, content: unknown): z.infer<typeof checksSchema> {
  const result = checksSchema.safeParse(content);
  if (!result.success) throw damaged(path, firstFault(result.error, content));
  const { support, checks } = result.data;
  for (const [index, { step, errors }] of checks.entries()) {
    const previous = checks[index - 1]?.step ?? -1;
    if (step <= previous) throw damaged(path, `checks.${index}.step: must be above ${previous} (${step})`);
    if (errors.length !== support.length) {
      throw damaged(path, `checks.${index}: has ${errors.length} classes, support has ${support.length}`);
    }
    const label = errors.findIndex((count, position) => count > support[position]!);
    if (label >= 0) {
      throw damaged(
        path,
        `checks.${index}.errors.${label}: must be at most ${support[label]} (${errors[label]})`,
      );
    }
  }
  return result.data;
}

function damaged(path: string, problem: string): CheckpointError {
  return new CheckpointError('invalid-checkpoint', `${path}: ${problem}; the file is damaged`);
}
