import junit, { type Builder } from 'junit-report-builder';
import { escapeControls } from '../text/index.ts';
import type { Report } from './report.ts';
import { settings, title } from './wording.ts';

/** A report as JUnit XML: one test suite with a test case for each gate. */
export function renderJunit(report: Report): string {
  // The package's main export is a builder; its types declare a default export that does not exist.
  const builder = (junit as unknown as Builder).newBuilder();
  const suite = builder
    .testSuite()
    .name(removeControlCharacters(`tfjs-lora ${title(report.run)}`))
    .timestamp(report.createdAt)
    .property('settings', removeControlCharacters(settings(report)));
  for (const { gate, passed, message } of report.gates ?? []) {
    const testCase = suite.testCase().className('tfjs-lora.gates').name(removeControlCharacters(gate));
    if (passed) testCase.standardOutput(removeControlCharacters(message));
    else testCase.failure(removeControlCharacters(message), 'GateError');
  }
  return builder.build();
}

/** Removes the characters that XML 1.0 does not allow (section 2.2), and escapes other unprintable ones. */
function removeControlCharacters(text: string): string {
  const allowed = text.replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '');
  return escapeControls(allowed, '\t\n\r');
}
