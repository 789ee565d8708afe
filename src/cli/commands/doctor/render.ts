import { plainTable, tableText } from '../../../text/index.ts';
import type { DoctorDocument } from './document.ts';

/** The document as text. */
export function renderDoctor(document: DoctorDocument): string {
  const { processor, running, packages } = document;
  const installed = Object.entries(packages).map(
    ([name, version]) => `${name} ${version ?? 'not installed'}`,
  );
  const facts: [string, string][] = [
    ['tfjs-lora', document.version],
    ['Node', `${document.node} on ${document.platform}`],
    ['processor', `${processor.model}, ${processor.cores} cores`],
    ['packages', installed.join('\n')],
    ['running on', running.device + (running.tensorflow ? `, TensorFlow ${running.tensorflow}` : '')],
    ['addon', running.addon ?? 'none'],
    ['libraries', running.libraries ?? 'none'],
    [
      'threads',
      `${running.threads.intraOp ?? 'all'} within an op, ${running.threads.interOp ?? 'all'} across ops`,
    ],
    [
      'environment',
      Object.entries(running.environment)
        .map(([name, value]) => `${name}=${value}`)
        .join('\n'),
    ],
    ['images', document.data?.directory ?? 'none found'],
  ];
  const sections = [
    table(facts.filter(([, value]) => value !== '')),
    section('Devices', table(document.devices.map(trialRow))),
    ...(document.cuda ? [section('CUDA', cudaTable(document.cuda))] : []),
    section(`Engines on ${running.device}`, table(document.engines.map(trialRow))),
  ];
  if (document.caches.length > 0) {
    const rows = document.caches.map(({ folder, purpose, sizeBytes }) => [
      folder,
      megabytes(sizeBytes),
      purpose,
    ]);
    sections.push(section('Cache folders, which can be deleted', table(rows)));
  }
  const advice = document.advice.length > 0 ? document.advice.map((line) => `- ${line}`) : ['nothing'];
  sections.push(section('To do', advice.join('\n')));
  return sections.join('\n\n');
}

function cudaTable({ driver, cards, missing }: NonNullable<DoctorDocument['cuda']>): string {
  const models = cards.map(({ name, memoryMiB, computeCapability }) => {
    return `${name}, ${(memoryMiB / 1024).toFixed(0)} GiB, compute capability ${computeCapability}`;
  });
  return table([
    ['driver', driver ?? 'none'],
    ['cards', models.join('\n') || 'none'],
    ['missing', missing.join(', ') || 'nothing'],
  ]);
}

function trialRow({ name, works, detail }: DoctorDocument['devices'][number]): string[] {
  return [name, works ? 'works' : 'no', detail];
}

function section(title: string, body: string): string {
  return `${title}\n${body.replace(/^/gm, '  ')}`;
}

function table(rows: readonly (readonly string[])[]): string {
  const text = plainTable([]);
  for (const row of rows) text.push([...row]);
  return tableText(text);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e6 ? 1 : 0)} MB`;
}
