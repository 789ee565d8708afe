import type * as tf from '@tensorflow/tfjs';

/** Sizes, strides and paddings of a 2-D convolution or pooling, as tfjs computes them. Channels last. */
export type ConvInfo = ReturnType<typeof tf.backend_util.computeConv2DInfo>;

/**
 * Visits every cell of every window that is not padding, row by row.
 *
 * @param visit called with the output position (of batch · outHeight · outWidth), the cell (of filterHeight · filterWidth),
 *   and where the cell's channels start in the values of the input [batch, height, width, channels]
 */
export function forWindowCells(
  info: ConvInfo,
  visit: (position: number, cell: number, start: number) => void,
): void {
  const { batchSize, outHeight, outWidth, inHeight, inWidth, inChannels, filterHeight, filterWidth } = info;
  const { strideHeight, strideWidth, dilationHeight, dilationWidth, padInfo } = info;
  const positions = batchSize * outHeight * outWidth;
  for (let position = 0; position < positions; position++) {
    const column = position % outWidth;
    const row = Math.floor(position / outWidth) % outHeight;
    const image = Math.floor(position / (outWidth * outHeight));
    for (let i = 0; i < filterHeight; i++) {
      const y = row * strideHeight - padInfo.top + i * dilationHeight;
      if (y < 0 || y >= inHeight) continue;
      for (let j = 0; j < filterWidth; j++) {
        const x = column * strideWidth - padInfo.left + j * dilationWidth;
        if (x < 0 || x >= inWidth) continue;
        visit(position, i * filterWidth + j, ((image * inHeight + y) * inWidth + x) * inChannels);
      }
    }
  }
}
