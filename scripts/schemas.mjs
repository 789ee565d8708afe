// Writes the JSON Schemas of docs/schemas from the built package: npm run schemas.
import { writeFileSync } from 'node:fs';

const built = new URL('../dist/report/schema.js', import.meta.url);
const { reportJsonSchema } = await import(built.href);

writeFileSync(new URL('../docs/schemas/report.schema.json', import.meta.url), reportJsonSchema());
