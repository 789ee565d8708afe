import { openRun, type Run } from '../runs/index.ts';

interface Disposable {
  dispose(): unknown;
}

/** Collects the tensors and models that a recipe has to dispose. */
export interface Scope {
  /** Disposes `value` when the recipe ends, whether it succeeds or fails. */
  temporary<T extends Disposable>(value: T): T;
  /** Disposes `value` only if the recipe fails: it is part of the result. */
  result<T extends Disposable>(value: T): T;
}

/** Runs `work` and afterwards disposes what it registered, in reverse order. */
export async function withScope<T>(work: (scope: Scope) => Promise<T>): Promise<T> {
  const temporaries: Disposable[] = [];
  const results: Disposable[] = [];
  const register =
    (list: Disposable[]) =>
    <V extends Disposable>(value: V): V => {
      list.unshift(value);
      return value;
    };
  try {
    return await work({ temporary: register(temporaries), result: register(results) });
  } catch (error) {
    for (const value of results) value.dispose();
    throw error;
  } finally {
    for (const value of temporaries) value.dispose();
  }
}

/** Opens a run for `work`, and disposes its models afterwards. */
export async function withRun<T>(
  path: string,
  cwd: string | undefined,
  work: (run: Run) => Promise<T>,
): Promise<T> {
  const run = await openRun(path, cwd);
  try {
    return await work(run);
  } finally {
    run.model.dispose();
    if (run.base !== run.model) run.base.dispose();
  }
}
