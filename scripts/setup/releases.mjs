/**
 * One wheel of a Python package index, as pip names it, with the SHA-256 of the file that is meant.
 *
 * @typedef {object} Wheel
 * @property {string} name
 * @property {string} version
 * @property {string} sha256
 * @property {number} sizeBytes
 */

/**
 * What native TensorFlow is made of for one device.
 *
 * @typedef {object} Release
 * @property {string} version
 * @property {number} unpackedBytes
 * @property {readonly Wheel[]} wheels the first one holds TensorFlow itself
 */

/** pip's words for the files that are pinned here; any version of Python can fetch them. */
export const wheelTags = ['--python-version', '3.11', '--platform', 'manylinux_2_27_x86_64'];

/** @type {{ readonly cpu: Release }} */
export const releases = {
  cpu: {
    version: '2.21.0',
    unpackedBytes: 860_000_000,
    wheels: [
      {
        name: 'tensorflow-cpu',
        version: '2.21.0',
        sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
        sizeBytes: 273_829_956,
      },
    ],
  },
};
