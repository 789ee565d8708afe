import { execa } from 'execa';
import { pythonVenv } from '../../scripts/python-venv.mjs';

/**
 * Runs a Python script in the environment with PyTorch, PEFT, JAX, SciPy and TensorBoard, making that
 * environment first where it is missing (minutes: for slow tests only).
 *
 * @returns what the script prints
 */
export async function runPython(script: string, args: readonly string[] = []): Promise<string> {
  const python = await pythonVenv();
  const { stdout } = await execa(python, ['-c', script, ...args], { env: { CUDA_VISIBLE_DEVICES: '' } });
  return stdout;
}

/** Tests that need the Python environment: they run in CI, or where the environment is asked for. */
export const withPython = process.env.CI !== undefined && process.env.CI !== '';
