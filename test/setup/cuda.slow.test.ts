import { cp, mkdir, realpath, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { installAddon } from '../../src/setup/addon.ts';
import { cudaLibraries } from '../../src/setup/cuda-libraries.ts';
import { installLibraries } from '../../src/setup/libraries.ts';
import { findNativePackage } from '../../src/setup/native-package.ts';
import { releases } from '../../src/setup/releases.ts';
import { withPython as withNetwork } from '../helpers/python.ts';
import { keptFolder } from '../helpers/temporary.ts';

/** TensorFlow and, to see whether it finds NVIDIA's wheels, the small one of CUDA's runtime. */
const release = {
  version: releases.cuda.version,
  wheels: releases.cuda.wheels.filter(
    ({ name }) => name === 'tensorflow' || name === 'nvidia-cuda-runtime-cu12',
  ),
};

describe.runIf(withNetwork)("TensorFlow's build for CUDA, on a machine without a GPU", () => {
  let libraries: string;
  let addon: string;

  beforeAll(async () => {
    vi.stubEnv('TFJS_LORA_CACHE', await keptFolder());
    const root = await keptFolder();
    const name = 'node_modules/@tensorflow/tfjs-node-gpu';
    await mkdir(join(root, name), { recursive: true });
    for (const part of ['package.json', 'binding']) {
      await cp(resolve(name, part), join(root, name, part), { recursive: true });
    }
    await symlink(resolve('node_modules/node-api-headers'), join(root, 'node_modules/node-api-headers'));
    await writeFile(join(root, 'package.json'), '{}');
    const tensorflow = await installLibraries('cuda', { onStep() {} }, release);
    libraries = tensorflow.folder;
    const nativePackage = findNativePackage('cuda', root)!;
    await installAddon(nativePackage, tensorflow, root, () => {});
    addon = nativePackage.addon;
    return () => vi.unstubAllEnvs();
  });

  test('every symbol of its libraries is resolved', async () => {
    for (const file of [
      addon,
      ...['cc', 'framework'].map((part) => join(libraries, `libtensorflow_${part}.so.2`)),
    ]) {
      const { stdout, stderr } = await execa('ldd', ['-r', file]);
      const unresolved = `${stdout}\n${stderr}`
        .split('\n')
        .filter((line) => /not found|undefined symbol/.test(line));
      // Node provides the functions napi_* to an addon.
      expect(unresolved.filter((line) => !/undefined symbol: napi_/.test(line))).toEqual([]);
    }
  });

  test('its search path has the folder of each CUDA library except cuSOLVER', async () => {
    const { stdout } = await execa('readelf', ['-d', join(libraries, 'libtensorflow_framework.so.2')]);
    const searched = (part: string) => stdout.includes(`$ORIGIN/../nvidia/${part}/lib`);
    const parts = [...new Set(cudaLibraries.map(({ part }) => part))];
    expect(parts.filter((part) => !searched(part))).toEqual(['cusolver']);
  });

  test('cuSOLVER, which is not in the search path, is loaded before TensorFlow', async () => {
    const folder = join(libraries, '../nvidia/cusolver/lib');
    await mkdir(folder, { recursive: true });
    const library = join(folder, 'libcusolver.so.11');
    const args = ['-shared', '-Wl,-soname,libcusolver.so.11', '-x', 'c', '-', '-o', library];
    await execa('g++', args, { input: '' });
    const script = `
      require(process.argv[1]).preload();
      console.log(require('node:fs').readFileSync('/proc/self/maps', 'utf8'));`;
    const { stdout } = await execa(process.execPath, [
      '-e',
      script,
      join(addon, '../tensorflow_preload.node'),
    ]);
    expect(stdout).toContain(await realpath(library));
  });

  test("it computes on the CPU and loads CUDA's runtime from the folder of its wheel", async () => {
    const script = `
      const binding = require(process.argv[1]);
      const TF = binding.TF_FLOAT;
      const id = binding.createTensor([2, 2], TF, new Float32Array([1, 2, 3, 4]));
      const attributes = [
        { name: 'transpose_a', type: binding.TF_ATTR_BOOL, value: false },
        { name: 'transpose_b', type: binding.TF_ATTR_BOOL, value: false },
        { name: 'T', type: binding.TF_ATTR_TYPE, value: TF },
      ];
      const [product] = binding.executeOp('MatMul', attributes, [id, id], 1);
      const maps = require('node:fs').readFileSync('/proc/self/maps', 'utf8');
      console.log(JSON.stringify({
        gpu: binding.isUsingGpuDevice(),
        values: [...binding.tensorDataSync(product.id)],
        runtime: /\\S+libcudart\\.so\\.12/.exec(maps)?.[0],
      }));`;
    const { stdout } = await execa(process.execPath, ['-e', script, addon], {
      env: { CUDA_VISIBLE_DEVICES: '' },
    });
    expect(JSON.parse(stdout)).toEqual({
      gpu: false,
      values: [7, 10, 15, 22],
      runtime: resolve(libraries, '../nvidia/cuda_runtime/lib/libcudart.so.12'),
    });
  });
});
