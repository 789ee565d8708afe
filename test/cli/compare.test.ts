import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseReport, type Report, renderReport, resultsOf } from '../../src/report/index.ts';
import { runCommand, sh } from '../helpers/command.ts';
import { keptFolder } from '../helpers/temporary.ts';
import { comparisonReport, singleReport } from '../report/make-report.ts';

let folder: string;
const count = 5000;

beforeAll(async () => {
  folder = await keptFolder();
  mkdirSync(join(folder, 'runs'));
  for (const [name, report] of [
    ['base', singleReport(count)],
    ['tuned', comparisonReport(count)],
    ['other', singleReport(count - 1)],
    ['turned', withDataHash(comparisonReport(count), '7'.repeat(64))],
    ['old', withDataHash(comparisonReport(count), undefined)],
  ] as const) {
    mkdirSync(join(folder, 'runs', name));
    writeFileSync(join(folder, 'runs', name, 'report.json'), await renderReport(report, 'json'));
  }
});

function withDataHash({ baseline, evaluation, ...report }: Report, dataHash: string | undefined): Report {
  return {
    ...report,
    evaluation: { ...evaluation, dataHash },
    baseline: baseline && { ...baseline, dataHash },
  };
}

const compare = (argv: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  runCommand(folder, sh`compare ${argv}`, { env });

describe('compare', () => {
  test('compares two runs digit by digit', async () => {
    const { code, out, err } = await compare(sh`runs/base runs/tuned`);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('before -> after: runs/base -> runs/tuned');
    expect(out).toMatch(/^8 target +\d+/m);
  });

  test('prints the same results as one JSON document', async () => {
    const { out } = await compare(sh`runs/base/report.json runs/tuned/report.json --json`);
    const document = JSON.parse(out);
    expect(document.results.comparison).toEqual(
      JSON.parse(JSON.stringify(resultsOf(comparisonReport(count)).comparison)),
    );
    expect(parseReport('stdout', document).run.command).toBe('compare');
  });

  test('exits with 10 and a line for each gate that is not met, after writing all reports', async () => {
    const { code, out, err } = await compare(
      sh`runs/base runs/tuned --max-digit-drop 1 --min-accuracy 0.5 --min-gain 50 --format markdown
        --report out/report.html --report out/gates.xml,out/report.md`,
    );
    expect(code).toBe(10);
    expect(err).toMatch(
      /error: 2 of 3 gates not met\n {2}max-digit-drop 1: .*\n {2}min-gain 50: total gained/,
    );
    expect(out).toMatch(/^## compare/);
    expect(readFileSync(join(folder, 'out/report.md'), 'utf8')).toBe(`${out}\n`);
    expect(readFileSync(join(folder, 'out/gates.xml'), 'utf8')).toContain('tests="3" failures="2"');
    expect(readFileSync(join(folder, 'out/report.html'), 'utf8')).toContain('Gates: 1 of 3 met');
  });

  test('checks the gates of a policy file', async () => {
    writeFileSync(join(folder, 'gates.toml'), 'min-accuracy = 0.99\n');
    const { code, err } = await compare(sh`runs/base runs/tuned --policy gates.toml`);
    expect(code).toBe(10);
    expect(err).toContain('min-accuracy 0.99: accuracy is 0.9');
  });

  test('annotates gates and extends the job summary on GitHub, with the same stdout', async () => {
    const summary = join(folder, 'summary.md');
    writeFileSync(summary, 'earlier\n');
    const env = { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: summary };
    const { out, err } = await compare(sh`runs/base runs/tuned --min-gain 50`, env);
    expect(err).toContain('::error title=tfjs-lora min-gain::min-gain 50: ');
    expect(out).not.toContain('::');
    expect(readFileSync(summary, 'utf8')).toMatch(/^earlier\n## compare\n/);
  });

  test('annotates gates on GitHub also with --quiet', async () => {
    const env = { GITHUB_ACTIONS: 'true' };
    const { err } = await compare(sh`runs/base runs/tuned --min-gain=-100 --quiet`, env);
    expect(err).toBe('::notice title=tfjs-lora gates::all 1 gates met');
    const failed = await compare(sh`runs/base runs/tuned --min-gain 50 --quiet`, env);
    expect(failed.err).toMatch(/^::error title=tfjs-lora min-gain::.+\nerror: 1 of 1 gates not met\n/);
  });

  test('writes an HTML report without images if there are none, with a note', async () => {
    const { code, err } = await compare(sh`runs/base runs/tuned --report plain.html --quiet`);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(existsSync(join(folder, 'plain.html'))).toBe(true);
    expect((await compare(sh`runs/base runs/tuned --report plain.html`)).err).toContain('shows no images');
  });

  test('compares a report without a hash of the images by its labels, with a warning', async () => {
    const { code, err } = await compare(sh`runs/base runs/old`);
    expect(code).toBe(0);
    expect(err).toMatch(/^warning: runs\/old: has no hash of the images/);
  });

  test.each([
    [4, 'a missing run', sh`runs/base runs/none`, 'no such run folder or report'],
    [
      4,
      'a folder without a report',
      sh`runs/base runs`,
      "the folder has no report.json; write one with 'tfjs-lora eval",
    ],
    [
      4,
      'reports of different images',
      sh`runs/base runs/other`,
      'runs/base and runs/other: cannot compare 5000 examples with 4999',
    ],
    [
      4,
      'reports of different images with equal labels',
      sh`runs/base runs/turned`,
      'different images with the same labels: the data hash is 555555555555 before and 777777777777 after',
    ],
    [
      2,
      'a report file with an unknown extension',
      sh`runs/base runs/tuned --report a.pdf`,
      '.txt, .json, .md, .xml, .html',
    ],
    [2, 'an unknown digit', sh`runs/base runs/tuned --min-digit-accuracy 12=0.5`, 'unknown class'],
    [2, 'a missing argument', sh`runs/base`, "missing required argument 'after'"],
    [3, 'a missing data folder', sh`runs/base runs/tuned --format html --data nowhere`, 'nowhere'],
  ])('exits with %i for %s', async (exitCode, _, argv, words) => {
    const { code, err, out } = await compare(argv);
    expect(err).toContain(words);
    expect({ code, out }).toEqual({ code: exitCode, out: '' });
  });
});
