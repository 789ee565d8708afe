import { resolve } from 'node:path';
import { expect } from 'vitest';
import { runCommand, sh } from './command.ts';
import { PEFT_FOLDER } from './peft-fixtures.ts';
import { temporaryFolder } from './temporary.ts';

/**
 * A folder with two runs: `base`, and `adapted` with a PEFT adapter on it.
 *
 * @param adapter a folder of the PEFT fixtures
 */
export async function importedAdapter(adapter: string): Promise<string> {
  const cwd = await temporaryFolder();
  const weights = resolve(PEFT_FOLDER, 'base.safetensors');
  const source = resolve(PEFT_FOLDER, adapter);
  for (const argv of [
    sh`import ${weights} --out base --device cpu`,
    sh`import ${source} --into base --out adapted --device cpu`,
  ]) {
    expect(await runCommand(cwd, argv)).toMatchObject({ code: 0 });
  }
  return cwd;
}
