import Table from 'cli-table3';

/** Everything that cli-table3 draws between and around cells, except the separator of columns. */
const BORDERS = [
  'top',
  'top-mid',
  'top-left',
  'top-right',
  'bottom',
  'bottom-mid',
  'bottom-left',
  'bottom-right',
  'left',
  'left-mid',
  'mid',
  'mid-mid',
  'right',
  'right-mid',
];

/** An empty table without borders, its columns two spaces apart; push rows to it. */
export function plainTable(colAligns: ('left' | 'right')[]): Table.Table {
  const noBorders = Object.fromEntries(BORDERS.map((border) => [border, '']));
  return new Table({
    chars: { ...noBorders, middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    colAligns,
  });
}

/** The table as text, without spaces at line ends. */
export function tableText(table: Table.Table): string {
  return table.toString().replace(/[ \t]+$/gm, '');
}
