import type { z } from 'zod';
import { CheckpointError } from '../errors.ts';

/** What is known of a kind of document before its content is looked at. */
interface DocumentKind {
  /** The value of its key `format`. */
  readonly format: string;
  /** The newest `formatVersion` that is read. */
  readonly version: number;
  /** What messages say that a file is not. */
  readonly name: string;
}

/**
 * Checks the parsed JSON of a document of this program.
 *
 * @param path what messages call it
 * @throws CheckpointError when it is of another kind or a newer version, or naming the first part that is wrong
 */
export function checkDocument<T>(
  path: string,
  content: unknown,
  schema: z.ZodType<T>,
  kind: DocumentKind,
): T {
  const { format, formatVersion } = (content ?? {}) as Record<string, unknown>;
  if (format !== kind.format) throw new CheckpointError('invalid-checkpoint', `${path}: is not ${kind.name}`);
  if (typeof formatVersion === 'number' && formatVersion > kind.version) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${path}: has format ${formatVersion}, this version reads up to ${kind.version}; update tfjs-lora`,
    );
  }
  const result = schema.safeParse(content);
  if (result.success) return result.data;
  throw new CheckpointError(
    'invalid-checkpoint',
    `${path}: ${firstFault(result.error)}; the file is damaged`,
  );
}

/** The first part of a content that its schema refuses, and why. */
export function firstFault({ issues }: z.ZodError): string {
  const { path, message } = issues[0]!;
  return `${path.join('.') || 'content'}: ${message}`;
}
