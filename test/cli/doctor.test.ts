import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { doctorDocument } from '../../src/cli/commands/doctor/document.ts';
import { runCommand, sh } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('doctor --json reports what works, in the form of its schema', async () => {
  const { code, out } = await runCommand('.', sh`doctor --device cpu --json`);
  expect(code).toBe(0);
  const document = doctorDocument.parse(JSON.parse(out));
  expect(document.running).toMatchObject({ device: 'cpu', tensorflow: '2.21.0' });
  expect(document.running.libraries).toMatch(/tensorflow$/);
  const working = (trials: readonly { name: string; works: boolean }[]) =>
    trials.filter(({ works }) => works).map(({ name }) => name);
  expect(working(document.devices)).toEqual(expect.arrayContaining(['cpu', 'wasm', 'js']));
  expect(working(document.engines)).toEqual(['eager', 'graph', 'xla']);
  expect(document.packages['@tensorflow/tfjs']).toBe('4.22.0');
  expect(document.advice).toEqual([]);
});

test('doctor prints the device, the engines and the cache folders', async () => {
  const { code, out } = await runCommand('.', sh`doctor`);
  expect(code).toBe(0);
  expect(out).toMatch(/^running on +cpu, TensorFlow 2\.21\.0$/m);
  expect(out).toMatch(/^ {2}xla +works /m);
  expect(out).toMatch(/tensorflow +\d+ MB +TensorFlow's shared libraries/);
  expect(out).toMatch(/To do\n {2}nothing$/);
});

test('doctor reports missing images with a fix', async () => {
  const { code, out } = await runCommand('.', sh`doctor --device cpu --data nowhere --json`);
  expect(code).toBe(0);
  const document = doctorDocument.parse(JSON.parse(out));
  expect(document.data).toBeNull();
  expect(document.advice).toEqual([expect.stringContaining('nowhere')]);
});

test('doctor names a second copy of tfjs in a project that uses tfjs-lora', async () => {
  const project = await temporaryFolder();
  const tfjs = join(project, 'node_modules', '@tensorflow', 'tfjs');
  await mkdir(tfjs, { recursive: true });
  await writeFile(join(project, 'package.json'), '{}');
  await writeFile(join(tfjs, 'package.json'), '{ "version": "4.21.0" }');
  const advice = async (): Promise<string[]> =>
    JSON.parse((await runCommand(project, sh`doctor --device cpu --json`)).out).advice;
  expect(await advice()).toEqual([]); // a project that does not use tfjs-lora may have any tfjs
  await symlink(resolve('.'), join(project, 'node_modules', 'tfjs-lora'));
  expect(await advice()).toEqual([
    `two copies of @tensorflow/tfjs: this project uses 4.21.0 (${tfjs}), tfjs-lora 4.22.0 (${resolve('node_modules/@tensorflow/tfjs')}); install one copy of version 4.22.0`,
  ]);
});

test('doctor prints its report and exits with code 6 if --device does not work', async () => {
  const { code, out, err } = await runCommand('.', sh`doctor --device cuda --json`);
  expect(code).toBe(6);
  const document = doctorDocument.parse(JSON.parse(out));
  expect(document.devices.find(({ name }) => name === 'cuda')?.works).toBe(false);
  expect(document.advice).toContainEqual(expect.stringMatching(/^cuda: |^the driver does not start /));
  expect(err).toMatch(/^error: --device cuda: does not work: /m);
});
