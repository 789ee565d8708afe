import { AppError, type ErrorCode } from '../errors.ts';
import { describeFsError } from './reason.ts';

/**
 * Runs a file operation. A failure of the file system becomes an error of the given kind, which names the path and
 * says what to do; other errors stay as they are.
 *
 * @param Kind by who has to act: `DataError` for data files, `CheckpointError` for runs, models and adapters
 */
export async function withFileErrors<T>(
  Kind: new (code: ErrorCode, message: string, options: ErrorOptions) => AppError,
  path: string,
  action: 'created' | 'read' | 'written',
  operation: () => Promise<T>,
): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || error instanceof AppError) throw error;
    throw new Kind(codeOf(code, action), `${path}: cannot be ${action}: ${describeFsError(code)}`, {
      cause: error,
    });
  }
}

function codeOf(fsCode: string, action: 'created' | 'read' | 'written'): ErrorCode {
  if (action !== 'read') return 'file-unwritable';
  return fsCode === 'ENOENT' || fsCode === 'ENOTDIR' ? 'file-not-found' : 'file-unreadable';
}
