// Updates docs/schemas/report.schema.json from the built package: npm run schemas.
import { writeFileSync } from 'node:fs';

const { reportJsonSchema } = await import(new URL('../dist/report/schema.js', import.meta.url).href);
const { errorJsonSchema } = await import(new URL('../dist/cli/error-document.js', import.meta.url).href);

writeFileSync(new URL('../docs/schemas/report.schema.json', import.meta.url), reportJsonSchema());
writeFileSync(new URL('../docs/schemas/error.schema.json', import.meta.url), errorJsonSchema());
