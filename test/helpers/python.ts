import { execa } from 'execa';
import { pythonVenv } from '../../scripts/python-venv.mjs';

/**
 * Runs a Python script in an environment with PyTorch, PEFT, JAX, SciPy and TensorBoard. Creates the environment if
 * it is missing, which takes minutes: for slow tests only.
 *
 * @returns the output of the script
 */
export async function runPython(script: string, args: readonly string[] = []): Promise<string> {
  const python = await pythonVenv();
  const { stdout } = await execa(python, ['-c', script, ...args], { env: { CUDA_VISIBLE_DEVICES: '' } });
  return stdout;
}

/** Whether to run tests that need the Python environment: only if the variable `CI` is set. */
export const withPython = process.env.CI !== undefined && process.env.CI !== '';
