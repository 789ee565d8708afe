import xmlbuilder from 'xmlbuilder';
import { escapeControls } from '../text/index.ts';
import type { Report } from './report.ts';
import { settings, title } from './wording.ts';

/** A report as JUnit XML: one test suite with a test case for each gate. */
export function renderJunit(report: Report): string {
  const gates = report.gates ?? [];
  const counts = {
    tests: gates.length,
    failures: gates.filter(({ passed }) => !passed).length,
    errors: 0,
    skipped: 0,
  };
  const suites = xmlbuilder.create('testsuites', { encoding: 'UTF-8' }).att(counts);
  const name = removeControlCharacters(`tfjs-lora ${title(report.run)}`);
  const suite = suites.ele('testsuite', { name, timestamp: report.createdAt, ...counts });
  suite.ele('properties').ele('property', {
    name: 'settings',
    value: removeControlCharacters(settings(report)),
  });
  for (const { gate, passed, message } of gates) {
    const testCase = suite.ele('testcase', {
      classname: 'tfjs-lora.gates',
      name: removeControlCharacters(gate),
    });
    const text = removeControlCharacters(message);
    if (passed) testCase.ele('system-out').cdata(text);
    else testCase.ele('failure', { message: text, type: 'GateError' });
  }
  return suites.end({ pretty: true });
}

/** Removes the characters that XML 1.0 does not allow (section 2.2), and escapes other unprintable ones. */
function removeControlCharacters(text: string): string {
  const allowed = text.replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '');
  return escapeControls(allowed, '\t\n\r');
}
