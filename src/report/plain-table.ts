import Table from 'cli-table3';

/** A table without borders; columns are two spaces apart. */
export function plainTable(colAligns: ('left' | 'right')[]): Table.Table {
  const sides = [
    'top',
    'bottom',
    'left',
    'right',
    'mid',
    'left-mid',
    'mid-mid',
    'right-mid',
    'top-mid',
    'top-left',
  ];
  const corners = ['top-right', 'bottom-mid', 'bottom-left', 'bottom-right'];
  const chars = Object.fromEntries([...sides, ...corners].map((name) => [name, '']));
  return new Table({
    chars: { ...chars, middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    colAligns,
  });
}

/** The table as text, without spaces at line ends. */
export function tableText(table: Table.Table): string {
  return table.toString().replace(/[ \t]+$/gm, '');
}
