// Updates the JSON Schemas of docs/schemas from the built package: npm run schemas.
import { writeFileSync } from 'node:fs';
import { errorJsonSchema } from '../dist/cli/error-document.js';
import { reportJsonSchema } from '../dist/report/schema.js';
import { sweepJsonSchema } from '../dist/sweep/report/sweep-report.js';

const folder = new URL('../docs/schemas/', import.meta.url);
writeFileSync(new URL('error.schema.json', folder), errorJsonSchema());
writeFileSync(new URL('report.schema.json', folder), reportJsonSchema());
writeFileSync(new URL('sweep.schema.json', folder), sweepJsonSchema());
