import { shorten } from '../../../text/index.ts';
import { axisLabel, draw, FONT, ink, labelRoom, muted, text } from './draw.ts';

/** What echarts hands to a custom series (of its API, what cells need). */
interface CellApi {
  coord(cell: [number, number]): [number, number];
  size(cell: [number, number]): [number, number];
}

/** Counts by true class (row) and predicted class (column); mistakes are shaded on the scale of `most`. */
export function confusionMap(
  classNames: readonly string[],
  matrix: readonly (readonly number[])[],
  most: number,
): string {
  const names = classNames.map((name) => shorten(name, 12));
  const room = labelRoom(names);
  const size = 340 + room;
  const cells = matrix.flatMap((row, truth) => row.map((value, predicted) => ({ truth, predicted, value })));
  const numbers = classNames.length <= 20;
  const fontSize = classNames.length <= 10 ? 11 : 9;
  const axis = (name: string, rotate = 0) => ({
    type: 'category',
    data: names,
    name,
    nameLocation: 'middle',
    nameTextStyle: { ...text, color: muted },
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: { ...axisLabel, rotate, hideOverlap: true },
  });
  const option = {
    grid: { left: room + 22, right: 6, top: room + 22, bottom: 6, outerBoundsMode: 'none' },
    xAxis: { ...axis('read as', room > 40 ? 90 : 0), position: 'top', nameGap: room + 2 },
    yAxis: { ...axis('true class'), inverse: true, nameGap: room + 2 },
    series: [
      {
        type: 'custom',
        silent: true,
        data: cells.map(({ truth, predicted }) => [predicted, truth]),
        renderItem: ({ dataIndex }: { dataIndex: number }, api: CellApi) => {
          const { truth, predicted, value } = cells[dataIndex]!;
          const [x, y] = api.coord([predicted, truth]);
          const [width, height] = api.size([1, 1]);
          // Square root, so that rare mistakes stay visible beside frequent ones.
          const share = truth === predicted ? 0 : Math.sqrt(value / Math.max(most, 1));
          return {
            type: 'rect',
            shape: { x: x - width / 2 + 1, y: y - height / 2 + 1, width: width - 2, height: height - 2 },
            style:
              truth === predicted
                ? { fill: 'var(--diagonal)' }
                : { fill: 'var(--heat)', opacity: Number((0.05 + 0.9 * share).toFixed(3)) },
            textConfig: { position: 'inside' },
            textContent: numbers && {
              style: {
                text: value === 0 ? '·' : String(value),
                fill: cellInk(share, value),
                fontFamily: FONT,
                fontSize,
              },
            },
          };
        },
      },
    ],
  };
  return draw(option, size, size);
}

/** Ink that stands out against the shade: dark themes have to turn earlier than light ones. */
function cellInk(share: number, value: number): string {
  if (share > 0.9) return 'var(--on-heat)';
  if (share > 0.68) return 'var(--on-warm)';
  return value === 0 ? 'var(--faint)' : ink;
}
