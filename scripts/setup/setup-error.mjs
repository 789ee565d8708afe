/** Something that a user can put right: one line that says what and how. */
export class SetupError extends Error {
  /**
   * @param {string} message
   * @param {number} [exitCode] 2 usage, 6 TensorFlow, 1 else
   */
  constructor(message, exitCode = 6) {
    super(message);
    this.name = 'SetupError';
    this.exitCode = exitCode;
  }
}
