import { useEffect, useRef } from 'preact/hooks';

/** Pixels 0..255 as a picture, dark on white. */
export function toImageData(
  pixels: Uint8Array,
  { width, height }: { width: number; height: number },
): ImageData {
  const image = new ImageData(width, height);
  pixels.forEach((value, index) => {
    image.data.fill(255 - value, 4 * index, 4 * index + 3);
    image.data[4 * index + 3] = 255;
  });
  return image;
}

/** A small picture of what the network gets. */
export function DigitImage(props: {
  readonly pixels: Uint8Array | undefined;
  readonly size: { readonly width: number; readonly height: number };
  readonly label: string;
}) {
  const { pixels, size, label } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current!.getContext('2d')!;
    if (pixels) context.putImageData(toImageData(pixels, size), 0, 0);
    else context.clearRect(0, 0, size.width, size.height);
  }, [pixels, size]);
  return (
    <canvas
      ref={canvas}
      class="digit"
      width={size.width}
      height={size.height}
      role="img"
      aria-label={label}
    />
  );
}
