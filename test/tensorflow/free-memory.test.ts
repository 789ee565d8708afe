import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { TensorFlowError } from '../../src/errors.ts';
import { loadTensorFlow, nativeState } from '../../src/tensorflow/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test.runIf(nativeState('cuda').obstacle === undefined)(
  'where the packages of a GPU are, loading them asks for free memory first',
  async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'nvidia-smi'), '#!/bin/sh\necho 148\n');
    await chmod(join(folder, 'nvidia-smi'), 0o755);
    vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
    const error = await loadTensorFlow({ device: 'cuda' }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TensorFlowError);
    expect(String(error)).toMatch(/the GPU has 148 MiB of memory free, and 640 are needed to start/);
  },
);
