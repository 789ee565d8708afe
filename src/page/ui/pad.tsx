import { useEffect, useRef, useState } from 'preact/hooks';
import { drawingOf } from '../browser/pictures.ts';
import type { Drawing } from '../protocol.ts';

/** Width and height of the drawing in its own pixels. */
const SIDE = 280;
const PEN = 22;
const KEY_STEP = 14;
const FINE_KEY_STEP = 4;

const MOVES: Readonly<Record<string, readonly [x: number, y: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

interface Point {
  readonly x: number;
  readonly y: number;
}

/** An area to draw on with a mouse, a pen, a finger or the keyboard. */
export function Pad(props: {
  /** Called after every change; undefined if the pad is empty. */
  readonly onDraw: (drawing: Drawing | undefined) => void;
  /** A picture to show, or 'empty'. A new object replaces the drawing. */
  readonly shown: { readonly image?: ImageData } | undefined;
}) {
  const { onDraw, shown } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const last = useRef<Point>(undefined);
  const [pen, setPen] = useState({ x: SIDE / 2, y: SIDE / 2, isDown: false });
  const [isKeyboard, setKeyboard] = useState(false);
  const context = () => canvas.current!.getContext('2d', { willReadFrequently: true })!;

  const clear = () => {
    context().fillStyle = '#ffffff';
    context().fillRect(0, 0, SIDE, SIDE);
  };
  useEffect(() => {
    clear();
    if (shown?.image) void showImage(context(), shown.image);
  }, [shown]);

  const line = (from: Point, to: Point) => {
    const ink = context();
    Object.assign(ink, { strokeStyle: '#000000', lineWidth: PEN, lineCap: 'round', lineJoin: 'round' });
    ink.beginPath();
    ink.moveTo(from.x, from.y);
    ink.lineTo(to.x, to.y);
    ink.stroke();
  };
  const changed = () => onDraw(drawingOf(canvas.current!));

  const pointOf = (event: PointerEvent): Point => {
    const box = canvas.current!.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) * SIDE) / box.width,
      y: ((event.clientY - box.top) * SIDE) / box.height,
    };
  };
  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0) return;
    canvas.current!.setPointerCapture(event.pointerId);
    setKeyboard(false);
    const point = pointOf(event);
    line(point, point);
    last.current = point;
    changed();
  };
  const onPointerMove = (event: PointerEvent) => {
    if (!last.current) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const part of events.length > 0 ? events : [event]) {
      const point = pointOf(part);
      line(last.current, point);
      last.current = point;
    }
    changed();
  };
  const onPointerEnd = () => {
    last.current = undefined;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape' || event.key === 'Delete') {
      clear();
      setPen({ ...pen, isDown: false });
      onDraw(undefined);
    } else if (event.key === ' ') {
      if (!pen.isDown) line(pen, pen);
      setPen({ ...pen, isDown: !pen.isDown });
      if (!pen.isDown) changed();
    } else if (MOVES[event.key]) {
      const [x, y] = MOVES[event.key]!;
      const step = event.shiftKey ? FINE_KEY_STEP : KEY_STEP;
      const inside = (value: number) => Math.min(SIDE, Math.max(0, value));
      const next = { ...pen, x: inside(pen.x + x * step), y: inside(pen.y + y * step) };
      if (pen.isDown) line(pen, next);
      setPen(next);
      if (pen.isDown) changed();
    } else return;
    setKeyboard(true);
    event.preventDefault();
  };

  return (
    <div class="pad">
      {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: arrow keys draw, so screen readers must pass them on */}
      <canvas
        ref={canvas}
        id="pad"
        width={SIDE}
        height={SIDE}
        tabIndex={0}
        role="application"
        aria-label="Drawing area"
        aria-describedby="pad-help"
        onPointerDown={onPointerDown}
        onPointerMove={onPointerMove}
        onPointerUp={onPointerEnd}
        onPointerCancel={onPointerEnd}
        onKeyDown={onKeyDown}
        onBlur={() => setKeyboard(false)}
      />
      {isKeyboard && (
        <svg class="pen" viewBox={`0 0 ${SIDE} ${SIDE}`} aria-hidden="true">
          <circle cx={pen.x} cy={pen.y} r={PEN / 2} class={pen.isDown ? 'down' : ''} />
        </svg>
      )}
    </div>
  );
}

/** Draws an image of the network's size over the whole pad, dark on white. */
async function showImage(context: CanvasRenderingContext2D, image: ImageData): Promise<void> {
  const bitmap = await createImageBitmap(image);
  context.imageSmoothingEnabled = false;
  context.drawImage(bitmap, 0, 0, SIDE, SIDE);
  bitmap.close();
}
