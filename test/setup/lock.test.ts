import { EventEmitter, once } from 'node:events';
import { expect, test } from 'vitest';
import { withLock } from '../../src/setup/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('work under a lock waits until other work under the same lock has ended', async () => {
  const name = await temporaryFolder();
  const signals = new EventEmitter();
  const order: string[] = [];
  const firstRuns = once(signals, 'first runs');
  const secondWaits = once(signals, 'second waits');
  const first = withLock(name, async () => {
    signals.emit('first runs');
    await secondWaits;
    order.push('first ends');
  });
  await firstRuns;
  const second = withLock(
    name,
    async () => order.push('second runs'),
    () => signals.emit('second waits'),
  );
  await Promise.all([first, second]);
  expect(order).toEqual(['first ends', 'second runs']);
});

test('a lock is released after work that failed', async () => {
  const name = await temporaryFolder();
  await expect(withLock(name, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  const onWait = () => {
    throw new Error('the lock is still held');
  };
  expect(await withLock(name, async () => 'done', onWait)).toBe('done');
});
