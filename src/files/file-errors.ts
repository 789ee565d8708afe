import { getSystemErrorMap } from 'node:util';
import { AppError, type ErrorCode } from '../errors.ts';
import { DANGLING_LINK } from './ensure-dir.ts';

type FileAction = 'created' | 'read' | 'written';

export type FileErrorClass = new (code: ErrorCode, message: string, options?: ErrorOptions) => AppError;

const CHECK_PATH = 'check the path';
const OTHER_FOLDER = 'choose another folder';
const PERMISSION = 'permission denied; check its owner and mode';
const NOT_SUPPORTED = `the file system does not support it; ${OTHER_FOLDER}`;
const TOO_LARGE = 'the file is too large; check that it is the right file';
const TOO_MANY_OPEN = 'too many files are open; raise the limit (ulimit -n)';

/** Meanings of the error codes of the operating system and of Node, and what to do. */
const MEANINGS: Readonly<Record<string, string>> = {
  ENOENT: `no such file or folder; ${CHECK_PATH}`,
  ENOTDIR: `a part of the path is a file; ${CHECK_PATH}`,
  EEXIST: `a file of that name exists; ${OTHER_FOLDER}`,
  ENOTEMPTY: `the folder is not empty; ${OTHER_FOLDER}`,
  EISDIR: 'it is a folder; name a file',
  ENAMETOOLONG: 'the name is too long for the file system; choose a shorter one',
  ELOOP: `too many symbolic links, or one that leads to itself; ${CHECK_PATH}`,
  [DANGLING_LINK]: `a part of the path is a link to a folder that does not exist; create it, or ${OTHER_FOLDER}`,
  EMLINK: `too many folders or links in one folder; ${OTHER_FOLDER}`,
  EINVAL: 'the file system does not allow this name or operation; choose another name',
  ERR_INVALID_ARG_VALUE: `the path contains a null character; ${CHECK_PATH}`,
  EACCES: PERMISSION,
  EPERM: PERMISSION,
  EROFS: `the file system is read-only; ${OTHER_FOLDER}`,
  EXDEV: `it is on another disk than its folder; ${OTHER_FOLDER}`,
  EBUSY: 'another program or a mount uses it; end the program, or choose another place',
  ETXTBSY: 'a program is running from it; end the program',
  ENOTSUP: NOT_SUPPORTED,
  EOPNOTSUPP: NOT_SUPPORTED,
  ENOSYS: NOT_SUPPORTED,
  ENOSPC: 'the disk is full; free some space',
  EDQUOT: 'the disk quota is exceeded; free some space',
  EFBIG: 'the file is too large for the file system or the limit of the user (ulimit -f)',
  ERR_FS_FILE_TOO_LARGE: TOO_LARGE,
  ERR_STRING_TOO_LONG: TOO_LARGE,
  ERR_BUFFER_TOO_LARGE: TOO_LARGE,
  EMFILE: TOO_MANY_OPEN,
  ENFILE: TOO_MANY_OPEN,
  ENOMEM: 'not enough memory; end other programs',
  EIO: 'the disk reported an error; check the disk',
  ESTALE: 'the network file system lost it; mount it again',
  ETIMEDOUT: 'the network file system does not answer; check the network',
  EHOSTDOWN: 'the network file system does not answer; check the network',
  ENOTCONN: 'the file system is not connected; mount it again',
  ENODEV: `no such device; ${CHECK_PATH}`,
  ENXIO: `no such device, or nothing reads the pipe; ${CHECK_PATH}`,
};

/** Messages of the RangeErrors, without a code, that V8 throws if a buffer or a string would be too long. */
const NO_ROOM =
  /^(?:Array buffer allocation failed|Invalid (?:array buffer|typed array|string|array) length)/;

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

/** Like `withFileErrors`, for an error that was caught. Returns other errors than those of the file system unchanged. */
export function toFileError(Kind: FileErrorClass, path: string, action: FileAction, error: unknown): unknown {
  if (error instanceof AppError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const hasNoRoom = code === undefined && error instanceof RangeError && NO_ROOM.test(message);
  if (code === undefined && !hasNoRoom) return error;
  const meaning = code === undefined ? TOO_LARGE : describeFsError(error as NodeJS.ErrnoException);
  return new Kind(errorCode(code, action), `${path}: cannot be ${action}: ${meaning}`, { cause: error });
}

/** What an error means, and what to do. For a code that is not in the table, it is the system's message. */
function describeFsError({ code = '', errno }: NodeJS.ErrnoException): string {
  const [, systemText] = (errno !== undefined && getSystemErrorMap().get(errno)) || [];
  return MEANINGS[code] ?? (systemText === undefined ? code : `${systemText} (${code})`);
}

function errorCode(fsCode: string | undefined, action: FileAction): ErrorCode {
  if (action !== 'read') return 'file-unwritable';
  return fsCode === 'ENOENT' || fsCode === 'ENOTDIR' ? 'file-not-found' : 'file-unreadable';
}
