import { AppError, type ErrorCode } from '../errors.ts';

type FileAction = 'created' | 'read' | 'written';

type FileErrorClass = new (code: ErrorCode, message: string, options: ErrorOptions) => AppError;

/** Meanings of the operating system's error codes, and what to do. */
const MEANINGS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder; check the path',
  ENOTDIR: 'a part of the path is a file; check the path',
  EEXIST: 'a file of that name exists; choose another folder',
  EISDIR: 'it is a folder; name a file',
  EACCES: 'permission denied; check its owner and mode',
  EPERM: 'permission denied; check its owner and mode',
  EROFS: 'the file system is read-only; choose another folder',
  ENOTSUP: 'the file system does not support it; choose another folder',
  ENOSPC: 'the disk is full; free some space',
  EDQUOT: 'the disk quota is exceeded; free some space',
  EMFILE: 'too many files are open; raise the limit (ulimit -n)',
};

/**
 * Runs a file operation and turns errors of the file system into `AppError`s that name the path and what to do. Other
 * errors pass unchanged.
 *
 * @param Kind class of these errors: `DataError` for data files, `CheckpointError` for runs, models and adapters
 * @param action completes the message "<path>: cannot be ..."
 */
export async function withFileErrors<T>(
  Kind: FileErrorClass,
  path: string,
  action: FileAction,
  operation: () => Promise<T>,
): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw toFileError(Kind, path, action, error);
  }
}

/** Like `withFileErrors`, for an error that was caught; returns errors unchanged that are not of the file system. */
export function toFileError(Kind: FileErrorClass, path: string, action: FileAction, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined || error instanceof AppError) return error;
  const message = `${path}: cannot be ${action}: ${describeFsError(code)}`;
  return new Kind(errorCode(code, action), message, { cause: error });
}

/** What an error code such as ENOENT means, and what to do. Returns unknown codes unchanged. */
function describeFsError(code: string): string {
  return MEANINGS[code] ?? code;
}

function errorCode(fsCode: string, action: FileAction): ErrorCode {
  if (action !== 'read') return 'file-unwritable';
  return fsCode === 'ENOENT' || fsCode === 'ENOTDIR' ? 'file-not-found' : 'file-unreadable';
}
