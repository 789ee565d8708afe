import junit, { type Builder } from 'junit-report-builder';
import type { Report } from './report.ts';
import { settings, title } from './wording.ts';

/** A report as JUnit XML: a test suite whose cases are the gates. */
export function renderJunit(report: Report): string {
  // The package's module is itself a builder; its types describe a default export that it lacks.
  const builder = (junit as unknown as Builder).newBuilder();
  const suite = builder
    .testSuite()
    .name(printable(`tfjs-lora ${title(report.run)}`))
    .timestamp(report.createdAt)
    .property('settings', printable(settings(report)));
  for (const { gate, passed, message } of report.gates ?? []) {
    const testCase = suite.testCase().className('tfjs-lora.gates').name(printable(gate));
    if (passed) testCase.standardOutput(printable(message));
    else testCase.failure(printable(message), 'GateError');
  }
  return builder.build();
}

/** Drops what XML 1.0 cannot hold (section 2.2). */
function printable(text: string): string {
  return text.replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '');
}
