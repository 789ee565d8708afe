import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { CheckpointError } from '../errors.ts';
import { readJson, writeJson } from '../files/index.ts';
import type { GuardHistory } from '../training/index.ts';
import { readState, writeState } from './state-files.ts';

const CHECKS = 'guard.json';
const BEST = 'best.safetensors';

const count = z.int().min(0);

/** By label: how many examples of the class were held out, and how many of them each check read wrong. */
const checksSchema = z.object({
  support: z.array(count),
  checks: z.array(z.object({ step: count, errors: z.array(count) })).min(1),
});

/** Writes what a guard has seen and kept: `guard.json` with its checks, and the best state. */
export async function writeGuard(folder: string, { checks, best }: GuardHistory): Promise<void> {
  await writeState(join(folder, BEST), best);
  await writeJson(join(folder, CHECKS), {
    support: checks[0]!.counts.map(({ support }) => support),
    checks: checks.map(({ step, counts }) => ({ step, errors: counts.map(({ errors }) => errors) })),
  });
}

/**
 * Reads it back.
 *
 * @returns undefined when the folder has none
 * @throws CheckpointError when a file is damaged
 */
export async function readGuard(folder: string): Promise<GuardHistory | undefined> {
  const path = join(folder, CHECKS);
  if (!existsSync(path)) return undefined;
  const parsed = checksSchema.safeParse(await readJson(path));
  const damaged = new CheckpointError(
    'invalid-checkpoint',
    `${path}: does not hold the checks of a guard; the file is damaged`,
  );
  if (!parsed.success) throw damaged;
  const { support, checks } = parsed.data;
  if (checks.some(({ errors }) => errors.length !== support.length)) throw damaged;
  return {
    checks: checks.map(({ step, errors }) => ({
      step,
      counts: errors.map((wrong, label) => ({ support: support[label]!, errors: wrong })),
    })),
    best: await readState(join(folder, BEST)),
  };
}
