import { expect, test } from 'vitest';
import { adjustImages, datasetWarnings, subsetOf } from '../../src/data/index.ts';
import { loadMnist } from '../../src/mnist-data-loader/index.ts';

test('datasetWarnings names drawings that are transposed or dark on light', async () => {
  const { test: mnist } = await loadMnist();
  const some = subsetOf(mnist, { perClass: 20, seed: 0 });
  const [transposed, inverted, both] = ([['transpose'], ['invert'], ['transpose', 'invert']] as const).map(
    (adjust) => datasetWarnings(adjustImages(some, adjust), 'x'),
  );
  expect(datasetWarnings(some, 'x')).toEqual([]);
  expect(transposed).toEqual([expect.stringMatching(/^x: drawings are wider than tall .* 'transpose'$/)]);
  expect(inverted).toEqual([expect.stringMatching(/^x: drawings are dark on light.* 'invert'$/)]);
  expect(both).toEqual([...inverted!, ...transposed!]);
});
