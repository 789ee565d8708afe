import * as tf from '@tensorflow/tfjs';

/** Members of tfjs' backend in plain JavaScript. */
interface CpuBackend {
  firstUse: boolean;
  readonly data: { get(dataId: object): { readonly values: tf.TypedArray } };
  makeTensorInfo(shape: number[], dtype: tf.DataType, values: tf.TypedArray): tf.TensorInfo;
  disposeData(dataId: object): boolean;
}

/**
 * Returns a kernel function for any backend that runs the kernel of tfjs' plain JavaScript backend. Slower, but correct.
 *
 * @param kernelName a kernel with one output
 */
export function onCpu(kernelName: string): tf.KernelFunc {
  return ({ inputs, attrs }) => {
    const cpu = tf.findBackend('cpu') as unknown as CpuBackend;
    cpu.firstUse = false; // tfjs would print a banner that recommends tfjs-node
    const copies = Object.fromEntries(
      Object.entries(inputs).map(([name, input]) => {
        const { shape, dtype } = input!;
        return [name, cpu.makeTensorInfo(shape, dtype, (input as tf.Tensor).dataSync())];
      }),
    );
    const { kernelFunc } = tf.getKernel(kernelName, 'cpu')!;
    const output = kernelFunc({ inputs: copies, attrs, backend: cpu }) as tf.TensorInfo;
    const { values } = cpu.data.get(output.dataId);
    const result = tf.tensor(values, output.shape, output.dtype);
    for (const { dataId } of [...Object.values(copies), output]) cpu.disposeData(dataId);
    return result;
  };
}
