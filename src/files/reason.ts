/** What the operating system's codes mean to a user, and what to do. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder; check the path',
  ENOTDIR: 'a part of the path is a file; check the path',
  EEXIST: 'a file of that name is there; choose another folder',
  EISDIR: 'it is a folder; give a file',
  EACCES: 'permission denied; check its owner and mode',
  EPERM: 'permission denied; check its owner and mode',
  EROFS: 'the file system is read-only; choose another folder',
  ENOTSUP: 'the file system does not allow it; choose another folder',
  ENOSPC: 'the disk is full; free some space',
  EDQUOT: 'the disk quota is used up; free some space',
  EMFILE: 'too many files are open; raise the limit (ulimit -n)',
};

/** Why a file operation failed, from the error's code such as ENOENT; a code that is not known stands for itself. */
export function describeFsError(code: string): string {
  return REASONS[code] ?? code;
}
