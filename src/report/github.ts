import type { Report } from './report.ts';

/** GitHub's workflow commands for a report: an error for each gate that was not met, or one notice. */
export function githubAnnotations({ gates = [] }: Report): string[] {
  const failed = gates.filter(({ passed }) => !passed);
  if (gates.length > 0 && failed.length === 0) {
    return [`::notice title=tfjs-lora gates::${data(`all ${gates.length} gates met`)}`];
  }
  return failed.map(
    ({ gate, message }) => `::error title=${property(`tfjs-lora ${gate}`)}::${data(message)}`,
  );
}

/** The escapes of actions/toolkit, packages/core/src/command.ts. */
function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
