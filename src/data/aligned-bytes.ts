/** TensorFlow copies memory that does not start at a multiple of this many bytes (its EIGEN_MAX_ALIGN_BYTES). */
const ALIGNMENT = 64;

/** glibc starts an allocation of more than 32 MiB this many bytes after the start of a memory page. */
const ALLOCATION_HEADER = 16;

/**
 * Returns zeros for data that native TensorFlow can use without a copy: the byte at `offset` lies at a multiple of 64 in memory,
 * if the array has more than 32 MiB and the C library is glibc. Other arrays work as well, but TensorFlow may copy them.
 *
 * @param length in bytes
 * @param offset where the data starts, such as the size of a header before it. Default 0
 */
export function alignedBytes(length: number, offset = 0): Uint8Array<ArrayBuffer> {
  const remainder = (ALLOCATION_HEADER + offset) % ALIGNMENT;
  const start = (ALIGNMENT - remainder) % ALIGNMENT;
  return new Uint8Array(start + length).subarray(start);
}
