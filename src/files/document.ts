import type { z } from 'zod';
import { CheckpointError } from '../errors.ts';
import { firstFault } from './schema-fault.ts';

/** What identifies a kind of JSON document of this program. */
interface DocumentKind {
  /** Value of its key `format`. */
  readonly format: string;
  /** Newest `formatVersion` that this program reads. */
  readonly version: number;
  /** Name of the kind for messages, with its article: `a report`. */
  readonly name: string;
}

/**
 * Checks the parsed JSON of a document of this program against its schema.
 *
 * @param path for messages
 * @throws CheckpointError if it is of another kind or a newer version, or with the first invalid field
 */
export function checkDocument<T>(
  path: string,
  content: unknown,
  schema: z.ZodType<T>,
  kind: DocumentKind,
): T {
  const { format, formatVersion } = (content ?? {}) as Record<string, unknown>;
  if (format !== kind.format) throw new CheckpointError('invalid-checkpoint', `${path}: not ${kind.name}`);
  if (typeof formatVersion === 'number' && formatVersion > kind.version) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${path}: format version ${formatVersion} is too new (newest supported: ${kind.version}); update tfjs-lora`,
    );
  }
  const result = schema.safeParse(content);
  if (result.success) return result.data;
  throw new CheckpointError(
    'invalid-checkpoint',
    `${path}: ${firstFault(result.error, content)}; the file is damaged`,
  );
}
