import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { requireWithTfjs } from '../../src/tensorflow/require-with-tfjs.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('a package that does not find tfjs and tfjs-core gets those of this library', async () => {
  const file = join(await temporaryFolder(), 'package.cjs');
  const script = "module.exports = [require('@tensorflow/tfjs'), require('@tensorflow/tfjs-core')];\n";
  await writeFile(file, script);
  const [tfjs, core] = requireWithTfjs(file) as [typeof tf, typeof tf];
  expect(tfjs.LayersModel).toBe(tf.LayersModel);
  expect(core.Tensor).toBe(tf.Tensor);
});

test('other packages are found as usual', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'first.cjs'), "module.exports = require('./second.cjs');\n");
  await writeFile(join(folder, 'second.cjs'), "module.exports = 'second';\n");
  expect(requireWithTfjs(join(folder, 'first.cjs'))).toBe('second');
  await writeFile(join(folder, 'third.cjs'), "require('no-such-package');\n");
  expect(() => requireWithTfjs(join(folder, 'third.cjs'))).toThrow("Cannot find module 'no-such-package'");
});
