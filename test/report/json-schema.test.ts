import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { reportJsonSchema } from '../../src/report/schema.ts';

test('docs/schemas/report.schema.json describes the report.json of today; npm run schemas writes it', () => {
  expect(readFileSync('docs/schemas/report.schema.json', 'utf8')).toBe(reportJsonSchema());
});
