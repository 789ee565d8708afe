import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

test.each([
  ['waits for requests', 70],
  ['draws an order', 2 ** 23],
])('the process ends while the thread %s', (_, rows) => {
  const program = `
    import { OrdersAhead } from './dist/recipes/orders-ahead.js';
    const ahead = new OrdersAhead({ rows: ${rows}, seed: 0 });
    ahead.orderOf(0);
    ahead.orderOf(1);
    console.log('done');`;
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
  });
  expect(output).toBe('done\n');
});
