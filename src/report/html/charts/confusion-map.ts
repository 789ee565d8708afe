import { shorten } from '../../../text/index.ts';
import { axisLabel, draw, FONT, ink, labelWidth, muted, text } from './draw.ts';

/** The part of echarts' API for custom series that cells use. */
interface CellApi {
  coord(cell: [column: number, row: number]): [x: number, y: number];
  size(cell: [columns: number, rows: number]): [width: number, height: number];
}

interface Cell {
  readonly truth: number;
  readonly predicted: number;
  readonly count: number;
}

/**
 * A confusion matrix whose cells off the diagonal are shaded by their count.
 *
 * @param matrix counts by true label (row) and predicted label (column)
 * @param largestCount the count that gets the darkest shade
 */
export function confusionMap(
  classNames: readonly string[],
  matrix: readonly (readonly number[])[],
  largestCount: number,
): string {
  const names = classNames.map((name) => shorten(name, 12));
  const labels = labelWidth(names);
  const size = 340 + labels;
  const cells = matrix.flatMap((row, truth) => row.map((count, predicted) => ({ truth, predicted, count })));
  // More classes leave no room for numbers.
  const fontSize = classNames.length <= 10 ? 11 : classNames.length <= 20 ? 9 : undefined;
  const option = {
    grid: { left: labels + 22, right: 6, top: labels + 22, bottom: 6, outerBoundsMode: 'none' },
    xAxis: {
      ...classAxis('predicted class', names, labels > 40 ? 90 : 0),
      position: 'top',
      nameGap: labels + 2,
    },
    yAxis: { ...classAxis('true class', names), inverse: true, nameGap: labels + 2 },
    series: [
      {
        type: 'custom',
        silent: true,
        data: cells.map(({ truth, predicted }) => [predicted, truth]),
        renderItem: ({ dataIndex }: { dataIndex: number }, api: CellApi) =>
          drawCell(cells[dataIndex]!, api, largestCount, fontSize),
      },
    ],
  };
  return draw(option, size, size);
}

function classAxis(name: string, names: readonly string[], rotate = 0) {
  return {
    type: 'category',
    data: names,
    name,
    nameLocation: 'middle',
    nameTextStyle: { ...text, color: muted },
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: { ...axisLabel, rotate, hideOverlap: true },
  };
}

function drawCell(
  { truth, predicted, count }: Cell,
  api: CellApi,
  largestCount: number,
  fontSize: number | undefined,
) {
  const [x, y] = api.coord([predicted, truth]);
  const [width, height] = api.size([1, 1]);
  const isCorrect = truth === predicted;
  // The square root keeps small counts visible next to large ones.
  const shade = isCorrect ? 0 : Math.sqrt(count / Math.max(largestCount, 1));
  return {
    type: 'rect',
    shape: { x: x - width / 2 + 1, y: y - height / 2 + 1, width: width - 2, height: height - 2 },
    style: isCorrect
      ? { fill: 'var(--diagonal)' }
      : { fill: 'var(--heat)', opacity: Number((0.05 + 0.9 * shade).toFixed(3)) },
    textConfig: { position: 'inside' },
    textContent: fontSize !== undefined && {
      style: {
        text: count === 0 ? '·' : String(count),
        fill: textColor(shade, count),
        fontFamily: FONT,
        fontSize,
      },
    },
  };
}

/** A colour that stands out against the shade. Dark themes switch to dark text at a lighter shade than light themes. */
function textColor(shade: number, count: number): string {
  if (shade > 0.9) return 'var(--on-heat)';
  if (shade > 0.68) return 'var(--on-warm)';
  return count === 0 ? 'var(--faint)' : ink;
}
