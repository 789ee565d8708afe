import { expect, test } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { calls, nowhere } from './valid-arguments.ts';

/** What callers without types pass by mistake. */
const WRONG: readonly unknown[] = [undefined, null, 3, `${nowhere}/text`, {}, [], [undefined], () => 1];

/** Functions of the root that another entry point has as well. */
const elsewhere = [calls.metrics!, calls.recipes!].flatMap(({ functions }) => Object.keys(functions));

/** Ranges of numbers; the functions document it. */
const withRangeErrors = ['replaySampler', 'shuffledSampler', 'splitRows'];

test.each(Object.keys(calls))('every function of %s is in this test', (name) => {
  const { entry, functions } = calls[name]!;
  const exported = Object.entries(entry).flatMap(([key, value]) =>
    typeof value === 'function' && !/^[A-Z]/.test(key) && !(name === 'root' && elsewhere.includes(key))
      ? [key]
      : [],
  );
  expect(Object.keys(functions).sort()).toEqual(exported.sort());
});

const table = Object.entries(calls).flatMap(([name, { entry, functions }]) =>
  Object.entries(functions).map(([key, valid]) => ({
    name: `${name} ${key}`,
    key,
    call: (entry as Record<string, (...given: readonly unknown[]) => unknown>)[key]!,
    valid,
  })),
);

test.each(table)('$name reports wrong arguments in one line', async ({ key, call, valid }) => {
  const faults: string[] = [];
  for (const [what, given] of wrongCalls(key, valid)) {
    const error = await errorOf(() => call(...given));
    const isClear = error instanceof AppError && !error.message.includes('\n');
    if (error === undefined || isClear) continue;
    if (error instanceof RangeError && withRangeErrors.includes(key)) continue;
    faults.push(`${what}: ${error}`);
  }
  expect(faults).toEqual([]);
});

/** Each way to pass one wrong value: in place of an argument, or of a field of an argument. */
function* wrongCalls(
  key: string,
  valid: readonly unknown[],
): Iterable<readonly [string, readonly unknown[]]> {
  for (const [position, argument] of valid.entries()) {
    for (const value of WRONG) {
      const shown = typeof value === 'function' ? 'a function' : JSON.stringify(value);
      const isComplete = key === 'pretrain' && (value === undefined || JSON.stringify(value) === '{}');
      if (!isComplete) yield [`argument ${position} is ${shown}`, valid.with(position, value)];
      if (!isPlain(argument)) continue;
      for (const field of Object.keys(argument))
        yield [`${field} is ${shown}`, valid.with(position, { ...argument, [field]: value })];
    }
  }
}

function isPlain(value: unknown): value is object {
  return Object.getPrototypeOf(value ?? 0) === Object.prototype;
}

/** What a call throws, also while it is awaited or iterated. */
async function errorOf(call: () => unknown): Promise<unknown> {
  try {
    const result = await call();
    if (result !== null && typeof result === 'object' && Symbol.asyncIterator in result)
      await (result as AsyncGenerator).next();
    return undefined;
  } catch (error) {
    return error;
  }
}
