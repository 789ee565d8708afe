import type { Report } from './report.ts';

/**
 * The gates as GitHub workflow commands: an error annotation for each gate that was not met, or one notice if all were.
 * Empty if no gates were checked.
 */
export function githubAnnotations({ gates = [] }: Report): string[] {
  const failed = gates.filter(({ passed }) => !passed);
  if (gates.length > 0 && failed.length === 0) {
    return [`::notice title=tfjs-lora gates::${escapeData(`all ${gates.length} gates met`)}`];
  }
  return failed.map(
    ({ gate, message }) => `::error title=${escapeProperty(`tfjs-lora ${gate}`)}::${escapeData(message)}`,
  );
}

/** Escapes text as @actions/core does (actions/toolkit, packages/core/src/command.ts). */
function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
