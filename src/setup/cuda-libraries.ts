/** A CUDA library that TensorFlow opens by name when a GPU is present. */
export interface CudaLibrary {
  /** NVIDIA's wheel that contains it, by the name of its folder in `nvidia/`, which TensorFlow searches. */
  readonly part: string;
  readonly name: string;
  /** Its name in CUDA 13, if TensorFlow works with that version too. */
  readonly inCuda13?: string;
}

export const cudaLibraries: readonly CudaLibrary[] = [
  { part: 'cuda_runtime', name: 'libcudart.so.12' },
  { part: 'cublas', name: 'libcublas.so.12', inCuda13: 'libcublas.so.13' },
  { part: 'cublas', name: 'libcublasLt.so.12', inCuda13: 'libcublasLt.so.13' },
  { part: 'cufft', name: 'libcufft.so.11', inCuda13: 'libcufft.so.12' },
  { part: 'cusolver', name: 'libcusolver.so.11', inCuda13: 'libcusolver.so.12' },
  { part: 'cusparse', name: 'libcusparse.so.12', inCuda13: 'libcusparse.so.12' },
  { part: 'cudnn', name: 'libcudnn.so.9', inCuda13: 'libcudnn.so.9' },
  { part: 'nccl', name: 'libnccl.so.2', inCuda13: 'libnccl.so.2' },
  { part: 'cuda_cupti', name: 'libcupti.so.12' },
];
