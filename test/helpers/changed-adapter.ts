import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensors, type SafeTensor, writeSafetensors } from '../../src/safetensors/index.ts';
import { PEFT_FOLDER } from './peft-fixtures.ts';
import { temporaryFolder } from './temporary.ts';

/** The folder of a copy of a golden adapter with a changed configuration or changed tensors. */
export async function changedAdapter(
  variant: string,
  change: { config?: Record<string, unknown>; tensors?: (tensors: Map<string, SafeTensor>) => void },
): Promise<string> {
  const folder = await temporaryFolder();
  await cp(join(PEFT_FOLDER, variant), folder, { recursive: true });
  const configPath = join(folder, 'adapter_config.json');
  const config = { ...JSON.parse(await readFile(configPath, 'utf8')), ...change.config };
  await writeFile(configPath, JSON.stringify(config));
  if (change.tensors) {
    const path = join(folder, 'adapter_model.safetensors');
    const tensors = new Map((await readSafetensors(path)).tensors);
    change.tensors(tensors);
    await writeSafetensors(path, tensors);
  }
  return folder;
}
