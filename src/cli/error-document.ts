import { z } from 'zod';
import { jsonText } from '../files/index.ts';

/** The JSON document that a failed command prints if `--json` is set and there is no result. */
export const errorDocument = z.object({
  error: z.object({
    code: z
      .string()
      .describe(
        'Kind of failure. Stable, unlike the message: an ErrorCode of the library, or "interrupted" (by a signal) or ' +
          '"internal-error" (a bug).',
      ),
    message: z.string().describe('What is wrong, on one line.'),
    hint: z.string().optional().describe('The option that fixes it.'),
    exitCode: z.int().min(1).max(255),
  }),
});

export type ErrorDocument = z.infer<typeof errorDocument>;

/** The JSON Schema of the document, for docs/schemas/error.schema.json. */
export function errorJsonSchema(): string {
  const { $schema, ...schema } = z.toJSONSchema(errorDocument, { io: 'input' });
  const described = {
    $schema,
    title: 'Error of tfjs-lora',
    description: 'What a failed command prints with --json if it has no result.',
    ...schema,
  };
  return `${jsonText(described)}\n`;
}
