import type { AppError } from '../errors.ts';
import { fileReason } from './reason.ts';

/**
 * Runs a file operation. A failure of the file system becomes an error of the given kind, which names the path and
 * says what to do; other errors stay as they are.
 *
 * @param Kind by who has to act: `DataError` for data files, `CheckpointError` for runs, models and adapters
 */
export async function onDisk<T>(
  Kind: new (message: string, options: ErrorOptions) => AppError,
  path: string,
  action: 'created' | 'read' | 'written',
  operation: () => Promise<T>,
): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new Kind(`${path}: cannot be ${action}: ${fileReason(code)}`, { cause: error });
  }
}
