import { z } from 'zod';
import { jsonText } from '../files/index.ts';
import { reportSchema } from './schema.ts';

/** The JSON Schema of report.json, as docs/schemas/report.schema.json holds it. Later versions may add keys. */
export function reportJsonSchema(): string {
  const { $schema, ...schema } = z.toJSONSchema(reportSchema, { io: 'input' });
  const described = {
    $schema,
    title: 'Report of tfjs-lora',
    description: 'One evaluation of a classifier, or two of the same examples. Accuracies are fractions.',
    ...schema,
  };
  return `${jsonText(described)}\n`;
}
