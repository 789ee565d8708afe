import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { useBuild } from '../helpers/build.ts';
import { withPython as withNetwork } from '../helpers/python.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

useBuild();

test.runIf(withNetwork)(
  'adapt-mobilenet installs both forms of MobileNetV2, and adapts them behind a new head',
  async () => {
    const cwd = await temporaryFolder();
    const env = { STEPS: '2' };
    const { stdout } = await execa('node', [resolve('examples/adapt-mobilenet.mjs')], { cwd, env });
    expect(existsSync(join(cwd, 'runs/nsfwjs/node_modules/nsfwjs/package.json'))).toBe(true);
    const accuracies = (title: string) => {
      const line = new RegExp(`^${title}.*: accuracy (\\d+) % before, (\\d+) % after`, 'm').exec(stdout)!;
      return { before: Number(line[1]), after: Number(line[2]) };
    };
    for (const form of ['LayersModel', 'GraphModel']) {
      // An adapter adds zero before it is trained.
      const { before } = accuracies(`${form}, head and adapter`);
      expect(before).toBe(accuracies(`${form}, head only`).before);
    }
    const { before, after } = accuracies('GraphModel, head and adapter');
    expect(after).toBeGreaterThan(before + 10);
    expect(stdout).toContain('adapter (74112 of 2257984 values)');
    expect(stdout).toContain('adapter (104128 of 4300775 values)');
  },
);
