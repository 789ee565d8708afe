import { expect, test } from 'vitest';
import { platformProblem } from '../../src/setup/platform.ts';

const linux = { platform: 'linux', arch: 'x64', glibc: '2.36' };

test.for([linux, { ...linux, glibc: '2.27' }, { ...linux, glibc: '3.0' }])(
  "TensorFlow's libraries run on %j",
  (machine) => {
    expect(platformProblem(machine)).toBeUndefined();
  },
);

test.for([
  [{ ...linux, glibc: '2.17' }, 'need glibc 2.27 or newer, and this system has 2.17'],
  [{ ...linux, glibc: '' }, 'Alpine'],
  [{ ...linux, arch: 'arm64' }, 'linux on arm64'],
  [{ platform: 'darwin', arch: 'arm64', glibc: '' }, 'darwin on arm64'],
  [{ platform: 'win32', arch: 'x64', glibc: '' }, 'use WSL 2'],
] as const)("TensorFlow's libraries do not run on %j, with the reason", ([machine, reason]) => {
  expect(platformProblem(machine)).toContain(reason);
});
