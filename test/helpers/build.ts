import { execa } from 'execa';
import { beforeAll } from 'vitest';

/** Builds `dist/` before the tests of a file, unless it was built from the current sources. */
export function useBuild(): void {
  beforeAll(async () => {
    await execa('node', ['scripts/setup.mjs', '--device', 'cpu']);
  });
}
