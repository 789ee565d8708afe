import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { errorJsonSchema } from '../../src/cli/error-document.ts';

test('the committed JSON Schema of errors is the one the code checks', async () => {
  expect(await readFile('docs/schemas/error.schema.json', 'utf8')).toBe(errorJsonSchema());
});
