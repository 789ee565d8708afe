import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readReport } from '../../src/report/index.ts';
import { keptFolder } from '../helpers/temporary.ts';

/** A project that depends on this package, with a base model trained on a few images. */
let project: string;

const repository = resolve('.');

beforeAll(async () => {
  project = await keptFolder();
  await mkdir(join(project, 'node_modules', '.bin'), { recursive: true });
  await symlink(repository, join(project, 'node_modules', 'tfjs-lora'));
  await symlink(join(repository, 'bin', 'tfjs-lora.mjs'), join(project, 'node_modules', '.bin', 'tfjs-lora'));
  await writeFile(join(project, 'package.json'), '{ "name": "user", "private": true }\n');
  await cli('data', 'subset', '--count', '60', '--test-count', '40', '--out', 'data');
  await cli('pretrain', '--data', 'data', '--steps', '200', '--engine', 'eager', '--out', 'models/base');
});

const environment = {
  TFJS_LORA_DATA: 'data',
  TFJS_LORA_ENGINE: 'eager',
  TFJS_LORA_STEPS: '20',
  GITHUB_ACTIONS: '',
};

function cli(...argv: string[]) {
  return execa('npx', ['tfjs-lora', ...argv], { cwd: project, env: { GITHUB_ACTIONS: '' } });
}

function sh(command: string, env: Record<string, string | undefined> = {}) {
  return execa('sh', ['-e', '-c', command], { cwd: project, env: { ...environment, ...env }, reject: false });
}

const scripts = 'node_modules/tfjs-lora/scripts/ci';

describe('scripts/ci', () => {
  test('finetune.sh, evaluate.sh and compare.sh check a candidate and write reports', async () => {
    await writeFile(join(project, 'lax.toml'), 'max-digit-drop = 100\n');
    const tuned = await sh(`${scripts}/finetune.sh models/base models/tuned 2,3 lax.toml`, {
      REPORTS: 'out/one',
    });
    expect(tuned).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('target 2, 3') });
    expect((await readReport(join(project, 'out/one'))).targetLabels).toEqual([2, 3]);
    expect(await readFile(join(project, 'out/one/gates.xml'), 'utf8')).toContain('name="max-digit-drop"');
    expect(await readFile(join(project, 'out/one/report.html'), 'utf8')).toContain('Gates: 1 of 1 met');

    const evaluated = await sh(`${scripts}/evaluate.sh models/tuned models/base lax.toml`);
    expect(evaluated.exitCode).toBe(0);
    const compared = await sh(`${scripts}/compare.sh models/base models/tuned lax.toml`);
    expect(compared.exitCode).toBe(0);
    const table = (text: string) => text.match(/^\d( target)? .*$/gm);
    expect(table(compared.stdout)).toEqual(table(tuned.stdout));
    expect(table(evaluated.stdout)).toEqual(table(tuned.stdout));
  });

  test.each([
    ['evaluate.sh', 'models/base models/base'],
    ['compare.sh', 'models/base models/base'],
    ['finetune.sh', 'models/base models/refused 2,3'],
  ])('%s exits with 10 and names the gate if the policy is not met', async (script, argv) => {
    await writeFile(join(project, 'strict.toml'), 'min-gain = 50\n');
    const { exitCode, stderr } = await sh(`${scripts}/${script} ${argv} strict.toml`, {
      REPORTS: 'out/refused',
    });
    expect(exitCode).toBe(10);
    expect(stderr).toMatch(/error: 1 of 1 gates not met\n {2}min-gain 50: total gained/);
    expect((await readReport(join(project, 'out/refused'))).gates).toMatchObject([{ passed: false }]);
  });

  test('write the same bytes for the same run, except for dates', async () => {
    const reports = [];
    for (const REPORTS of ['out/first', 'out/second']) {
      await sh(`${scripts}/finetune.sh models/base models/same 2,3`, { REPORTS });
      for (const name of ['report.json', 'report.html']) {
        const text = await readFile(join(project, REPORTS, name), 'utf8');
        reports.push(text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'date'));
      }
    }
    expect(reports[0] === reports[2]).toBe(true);
    expect(reports[1] === reports[3]).toBe(true);
  });

  test('use gates.toml if no policy is given', async () => {
    const { exitCode } = await sh(`${scripts}/compare.sh models/base models/base`);
    expect(exitCode).toBe(0);
    const { gates } = await readReport(join(project, 'reports'));
    expect(gates!.map(({ gate }) => gate)).toEqual(['max-digit-drop', 'max-other-drop', 'min-gain']);
  });

  test('print their usage without arguments', async () => {
    for (const script of ['compare', 'evaluate', 'finetune']) {
      const { exitCode, stderr } = await sh(`${scripts}/${script}.sh`);
      expect(exitCode).not.toBe(0);
      expect(stderr).toContain(`usage: ${script}.sh `);
    }
  });

  test('the commands of workflow.yml run in a project that depends on tfjs-lora', async () => {
    const workflow = parse(await readFile(join(repository, 'scripts/ci/workflow.yml'), 'utf8'));
    const { env, steps } = workflow.jobs.gates;
    await cp(join(repository, 'scripts/ci/gates.toml'), join(project, env.POLICY));
    const commands = steps.flatMap((step: { run?: string }) => step.run ?? []) as string[];
    expect(commands[0]).toBe('npm ci');
    const summary = join(project, 'summary.md');
    for (const command of commands.slice(1)) {
      const result = await sh(command, { ...env, GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: summary });
      expect([0, 10]).toContain(result.exitCode);
    }
    expect(await readFile(summary, 'utf8')).toContain('| digit | target |');
    expect((await readReport(join(project, 'reports'))).targetLabels).toEqual([2, 3, 5, 8, 9]);
  });
});
