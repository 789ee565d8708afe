import { cp, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { beforeAll, describe, expect, test } from 'vitest';
import { packedProject } from './helpers/packed-project.ts';
import { writeSplit } from './helpers/tiny-set.ts';

/** A project without tfjs-node, and with small images in `data`. */
let project: string;

beforeAll(async () => {
  ({ folder: project } = await packedProject());
  const data = join(project, 'data');
  await mkdir(data);
  const digits = Array.from({ length: 40 }, (_, index) => index % 10);
  await writeSplit(data, 'train', digits, { height: 4, width: 4 });
  await writeSplit(data, 't10k', digits.slice(0, 20), { height: 4, width: 4 });
});

/** Runs a command line in the project, in a process that looks like one of the platform. */
async function onPlatform(platform: string, line: string) {
  const preload = pathToFileURL(resolve('test/helpers/other-platform.mjs')).href;
  const bin = join(project, 'node_modules', 'tfjs-lora', 'bin', 'tfjs-lora.mjs');
  const env = { TEST_PLATFORM: platform, NODE_OPTIONS: `--import=${preload}` };
  return await execa(process.execPath, [bin, ...line.split(' ')], { cwd: project, env, reject: false });
}

const needs = "TensorFlow's libraries need";

describe.each([
  ['darwin arm64', `${needs} Linux on x64, and this is darwin on arm64; use Linux on x64`],
  ['darwin x64', `${needs} Linux on x64, and this is darwin on x64; use Linux on x64`],
  ['win32 x64', `${needs} Linux on x64, and this is win32 on x64; use WSL 2`],
  ['linux arm64', `${needs} Linux on x64, and this is linux on arm64; use an x64 machine`],
  [
    'linux x64 musl',
    `${needs} glibc, which this Linux does not have (Alpine?); use a Debian, Ubuntu or Fedora image`,
  ],
])('on %s', (platform, reason) => {
  test('set-up falls back to wasm and prints why; with --device cpu that is an error', async () => {
    const fallback = await onPlatform(platform, 'setup');
    expect(fallback).toMatchObject({
      exitCode: 0,
      stderr: `note: everything runs on wasm, which is slower: ${reason}; or use --device wasm`,
    });
    const cpu = await onPlatform(platform, 'setup --device cpu');
    expect(cpu).toMatchObject({ exitCode: 6, stderr: `error: ${reason}; or use --device wasm` });
  });

  test('training runs on wasm and prints why, unless --device wasm asks for it', async () => {
    const line = `pretrain --steps 20 --out runs/${platform.replaceAll(' ', '-')}`;
    const note = `note: running on wasm, which is slower: ${reason}`;
    expect(await onPlatform(platform, line)).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining(note),
    });
    const chosen = await onPlatform(platform, `${line}-chosen --device wasm`);
    expect(chosen).toMatchObject({ exitCode: 0, stderr: expect.not.stringContaining(note) });
  });
});

test.each(['darwin arm64', 'win32 x64'])('fine-tuning and evaluation run on %s', async (platform) => {
  const [base, tuned] = ['base', 'tuned'].map((name) => `runs/${name}-${platform.replace(' ', '-')}`);
  for (const line of [
    `pretrain --steps 20 --out ${base}`,
    `finetune ${base} --digits 2,3 --steps 10 --out ${tuned}`,
    `eval ${tuned}`,
  ]) {
    expect(await onPlatform(platform, `${line} --device wasm --quiet`)).toMatchObject({
      exitCode: 0,
      stderr: '',
    });
  }
});

test("an addon that tfjs-node's install script downloaded is used on a platform without set-up", async () => {
  const source = 'node_modules/@tensorflow/tfjs-node';
  const target = join(project, source);
  await cp(resolve(source), target, {
    recursive: true,
    dereference: true,
    filter: (path) =>
      !/[\\/](node_modules|deps|tfjs-lora\.json|tensorflow_preload\.node)$/.test(path.slice(source.length)),
  });
  const result = await onPlatform('darwin x64', 'setup --device cpu');
  expect(result).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('cpu is set up') });
  const doctor = await onPlatform('darwin x64', 'doctor --device cpu --json');
  expect(JSON.parse(doctor.stdout)).toMatchObject({ running: { device: 'cpu', libraries: null } });
});
