/** The user and password of the URL of a queue. */
const CREDENTIALS = /(rediss?:\/\/)[^\n]*@/gi;

/**
 * Hides users and passwords of queues in text that is printed, such as the value of an unknown option:
 * 'redis://me:secret@host' -> 'redis://***@host'.
 */
export function withoutPasswords(text: string): string {
  return text.replace(CREDENTIALS, '$1***@');
}
