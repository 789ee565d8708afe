import type { AppError, ErrorCode } from '../errors.ts';

/** Which option fixes an error of the library, by its code. The library itself does not know the options. */
const HINTS: Partial<Record<ErrorCode, string>> = {};

/** The error's message, followed by the option that fixes it, if there is one. */
export function messageWithHint({ code, message }: AppError): string {
  const hint = HINTS[code];
  return hint === undefined ? message : `${message}; ${hint}`;
}
