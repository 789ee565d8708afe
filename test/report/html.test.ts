import { PNG } from 'pngjs';
import { describe, expect, test } from 'vitest';
import { dataHash } from '../../src/data/index.ts';
import { worstMistakes } from '../../src/metrics/index.ts';
import { type RenderOptions, type Report, renderReport } from '../../src/report/index.ts';
import { makeEvaluation } from '../metrics/make-evaluation.ts';
import { comparisonReport, singleReport } from './make-report.ts';

const renderHtml = (report: Report, options?: RenderOptions) => renderReport(report, 'html', options);

/** Images of 2 by 2 pixels for the examples of a report. */
const imagesOf = (report: Report) => {
  const { count, labels } = report.evaluation;
  const pixels = Uint8Array.from({ length: count * 4 }, (_, index) => index % 251);
  return { images: pixels, labels, count, height: 2, width: 2, classes: 10 };
};

describe('a report as HTML', () => {
  test('loads nothing: no scripts, no links, no URLs except XML namespaces', async () => {
    const report = comparisonReport();
    const page = await renderHtml(report, { images: imagesOf(report) });
    expect(page).not.toMatch(/<script|<link|<iframe|@import|url\(/i);
    const urls = page.match(/(?:https?:)?\/\/[^"'\s<)]+/g) ?? [];
    expect(new Set(urls)).toEqual(new Set(['http://www.w3.org/2000/svg', 'http://www.w3.org/1999/xlink']));
  });

  test('is the same bytes for the same report, even after other reports', async () => {
    const first = await renderHtml(comparisonReport());
    await renderHtml(singleReport());
    expect((await renderHtml(comparisonReport())) === first).toBe(true);
    expect(first).not.toContain('zr'); // prefix of echarts' process-wide counters
  });

  test('uses only CSS variables as colours in charts, so that they follow the theme', async () => {
    const charts = (await renderHtml(comparisonReport())).match(/<svg.*?<\/svg>/gs)!;
    for (const chart of charts) expect(chart.match(/(?:fill|stroke)="(?!var|none)[^"]*"/)).toBeNull();
  });

  test('escapes names', async () => {
    const report = singleReport();
    const page = await renderHtml({
      ...report,
      run: { ...report.run, folder: '<script>alert(1)</script>"' },
      evaluation: { ...report.evaluation, name: '"><img src=x>' },
    });
    expect(page).not.toContain('<script>');
    expect(page).not.toContain('<img');
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot;');
  });

  test('shows the mistakes with the highest confidence as PNG images with alt texts', async () => {
    const { evaluation, ...rest } = singleReport();
    const images = imagesOf({ evaluation, ...rest });
    const report = { ...rest, evaluation: { ...evaluation, dataHash: dataHash(images) } };
    const page = await renderHtml(report, { images });
    const [worst] = worstMistakes(report.evaluation, 1);
    const item = /<img alt="a (\d)" src="data:image\/png;base64,([^"]+)"><b>(\d), predicted as (\d)<\/b>/;
    const [, alt, base64, truth, predicted] = item.exec(page)!;
    expect([alt, truth, predicted]).toEqual([worst!.truth, worst!.truth, worst!.predicted]);
    const png = PNG.sync.read(Buffer.from(base64!, 'base64'));
    const start = worst!.index * 4;
    const expected = imagesOf(report).images.slice(start, start + 4);
    expect([png.data[0], png.data[4], png.data[8], png.data[12]]).toEqual([...expected]);
  });

  test('shows no images of another data set', async () => {
    const report = singleReport();
    const images = imagesOf(report);
    expect(await renderHtml(report, { images })).not.toContain('<img');
    const unhashed = { ...report, evaluation: { ...report.evaluation, dataHash: undefined } };
    expect(await renderHtml(unhashed, { images })).toContain('<img');
    const relabelled = { ...images, labels: images.labels.toReversed() };
    expect(await renderHtml(unhashed, { images: relabelled })).not.toContain('<img');
  });

  test('describes every chart in words', async () => {
    const page = await renderHtml(comparisonReport());
    for (const [figure] of page.matchAll(/<figure[^>]*>/g))
      expect(figure).toMatch(/role="img" aria-label="[^"]{20,}"/);
    expect(page.match(/<svg /g)).toHaveLength(page.match(/<svg aria-hidden="true"/g)!.length);
    expect(page).toContain('<th scope="row">linear1</th><td>2</td><td>1.52</td><td>1.20, 0.500</td>');
  });

  test('omits sections without content', async () => {
    const page = await renderHtml(singleReport());
    for (const heading of ['Gates', 'Training', 'Guard', 'Use of the rank', 'Mistakes that changed']) {
      expect(page).not.toContain(`<h2>${heading}`);
    }
    const perfect = { ...makeEvaluation([0, 1, 2], [0, 1, 2]), name: 'base' };
    expect(await renderHtml({ ...singleReport(), evaluation: perfect })).not.toContain('<h2>Worst mistakes');
  });
});
