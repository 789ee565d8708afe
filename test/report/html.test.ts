import { PNG } from 'pngjs';
import { describe, expect, test } from 'vitest';
import { worstMistakes } from '../../src/metrics/mistakes.ts';
import { renderHtml } from '../../src/report/html/page.ts';
import type { Report } from '../../src/report/report.ts';
import { makeEvaluation } from '../metrics/make-evaluation.ts';
import { comparisonReport, singleReport } from './make-report.ts';

const images = (report: Report) => {
  const { count, labels } = report.evaluation;
  const pixels = Uint8Array.from({ length: count * 4 }, (_, index) => index % 251);
  return { images: pixels, labels, count, height: 2, width: 2, classes: 10 };
};

describe('renderHtml', () => {
  test('needs nothing from outside: no scripts, no links, no addresses', () => {
    const report = comparisonReport();
    const page = renderHtml(report, { images: images(report) });
    expect(page).not.toMatch(/<script|<link|<iframe|@import|url\(/i);
    const addresses = page.match(/(?:https?:)?\/\/[^"'\s<)]+/g) ?? [];
    expect(new Set(addresses)).toEqual(
      new Set(['http://www.w3.org/2000/svg', 'http://www.w3.org/1999/xlink']),
    );
  });

  test('is the same bytes for the same report, however many were made before', () => {
    const first = renderHtml(comparisonReport());
    renderHtml(singleReport());
    expect(renderHtml(comparisonReport()) === first).toBe(true);
    expect(first).not.toContain('zr');
  });

  test('draws with the page’s colours alone, which change with the theme', () => {
    const charts = renderHtml(comparisonReport()).match(/<svg.*?<\/svg>/gs)!;
    for (const chart of charts) expect(chart.match(/(?:fill|stroke)="(?!var|none)[^"]*"/)).toBeNull();
  });

  test('escapes names', () => {
    const report = singleReport();
    const page = renderHtml({
      ...report,
      run: { ...report.run, folder: '<script>alert(1)</script>"' },
      evaluation: { ...report.evaluation, name: '"><img src=x>' },
    });
    expect(page).not.toContain('<script>');
    expect(page).not.toContain('<img');
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot;');
  });

  test('shows the mistakes made with most confidence as PNG images, with text for each', () => {
    const report = singleReport();
    const page = renderHtml(report, { images: images(report) });
    const [first] = worstMistakes(report.evaluation, 1);
    const found = /<img alt="a (\d)" src="data:image\/png;base64,([^"]+)"><b>(\d), read as (\d)<\/b>/.exec(
      page,
    )!;
    expect([found[1], found[3], found[4]]).toEqual([first!.truth, first!.truth, first!.predicted]);
    const png = PNG.sync.read(Buffer.from(found[2]!, 'base64'));
    const start = first!.index * 4;
    const expected = images(report).images.slice(start, start + 4);
    expect([png.data[0], png.data[4], png.data[8], png.data[12]]).toEqual([...expected]);
  });

  test('describes every chart in words', () => {
    const page = renderHtml(comparisonReport());
    for (const [figure] of page.matchAll(/<figure[^>]*>/g))
      expect(figure).toMatch(/role="img" aria-label="[^"]{20,}"/);
    expect(page.match(/<svg /g)).toHaveLength(page.match(/<svg aria-hidden="true"/g)!.length);
    expect(page).toContain('<th scope="row">linear1</th><td>2</td><td>1.52</td><td>1.20, 0.500</td>');
  });

  test('leaves out what a report does not hold', () => {
    const page = renderHtml(singleReport());
    for (const heading of ['Gates', 'Training', 'Use of the rank', 'Mistakes that moved']) {
      expect(page).not.toContain(`<h2>${heading}`);
    }
    const perfect = makeEvaluation([0, 1, 2], [0, 1, 2]);
    expect(renderHtml({ ...singleReport(), evaluation: { ...perfect, name: 'base' } })).not.toContain(
      '<h2>The worst mistakes',
    );
  });
});
