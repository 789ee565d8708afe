import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { interruptOnProgress, runCommand, sh, workplaceWithBase } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** See `workplaceWithBase`. */
let cwd: string;
beforeAll(async () => {
  cwd = await workplaceWithBase();
});

describe('the guard of finetune', () => {
  const argv = sh`finetune base --digits 2,3 --steps 60 --lr 0.05 --validation 0.5 --check-every 5 --json`;

  test('returns to the best state in which no other digit lost more than allowed', async () => {
    const out = join(await temporaryFolder(), 'run');
    const { code, out: printed } = await runCommand(cwd, sh`${argv} --max-drop 0 --out ${out}`);
    expect(code).toBe(0);
    const { checks, keptStep } = JSON.parse(printed).guard.training;
    const kept = checks.find((check: { step: number }) => check.step === keptStep);
    expect(kept.drop).toBeLessThanOrEqual(0);
    expect(Math.max(...checks.map((check: { drop: number }) => check.drop))).toBeGreaterThan(0);
    const { training } = JSON.parse(await readFile(join(out, 'run.json'), 'utf8'));
    expect(training.stepsDone).toBe(keptStep);
  });

  test('resumes a stopped run with its checks and best state, bit for bit', async () => {
    const folder = await temporaryFolder();
    const at = (name: string) => join(folder, name);
    const guard = sh`--replay 0.5 --max-drop 1 --validation 0.5 --check-every 10`;
    const common = sh`finetune base --digits 2,3 --lr 0.05 --steps 60 --engine eager ${guard} --json`;
    const tune = (name: string, more: string[] = [], overrides = {}) =>
      runCommand(cwd, sh`${common} --out ${at(name)} ${more}`, overrides);
    expect((await tune('parts', [], interruptOnProgress('SIGTERM'))).code).toBe(143);
    expect((await readdir(at('parts/state'))).sort()).toEqual([
      'best.safetensors',
      'guard.json',
      'state.safetensors',
    ]);
    const resumed = await tune('parts', sh`--resume`);
    const whole = await tune('whole');
    expect([resumed.code, whole.code]).toEqual([0, 0]);
    expect(resumed.err).not.toContain('no record of earlier checks');
    expect(JSON.parse(resumed.out).guard).toEqual(JSON.parse(whole.out).guard);
    const adapter = (name: string) => readFile(join(at(name), 'adapter', 'adapter_model.safetensors'));
    expect((await adapter('parts')).equals(await adapter('whole'))).toBe(true);
    expect(await readdir(at('parts/state'))).toEqual(['state.safetensors']);
  });

  test('stores the strength that the search found, which eval then uses', async () => {
    const out = join(await temporaryFolder(), 'run');
    const { out: printed } = await runCommand(cwd, sh`${argv} --max-drop 100 --search-strength --out ${out}`);
    const report = JSON.parse(printed);
    const { adapter } = JSON.parse(await readFile(join(out, 'run.json'), 'utf8'));
    expect(adapter.strength).toBe(report.run.strength);
    const evaluated = JSON.parse((await runCommand(cwd, sh`eval ${out} --json`)).out);
    expect(evaluated.run.strength).toBe(adapter.strength);
    expect(evaluated.evaluation.predictions).toBe(report.evaluation.predictions);
  });
});
