import type { NativeDevice } from './native-package.ts';

/** A wheel on a Python package index, and the SHA-256 of the one file that is accepted. */
export interface Wheel {
  readonly name: string;
  readonly version: string;
  /** pip's name of the platform, such as `manylinux_2_27_x86_64`. */
  readonly platform: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Size of the files that set-up unpacks from it. */
  readonly unpackedBytes: number;
}

/** The wheels that make up native TensorFlow for one device. */
export interface Release {
  /** TensorFlow's version. */
  readonly version: string;
  /** TensorFlow's own wheel comes first. */
  readonly wheels: readonly Wheel[];
}

/** The Python version of the pinned TensorFlow wheels. pip can download them with any Python. */
export const wheelPython = '3.11';

export const releases: Readonly<Record<NativeDevice, Release>> = {
  cpu: {
    version: '2.21.0',
    wheels: [
      {
        name: 'tensorflow-cpu',
        version: '2.21.0',
        platform: 'manylinux_2_27_x86_64',
        sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
        sizeBytes: 273_829_956,
        unpackedBytes: 858_256_795,
      },
    ],
  },
  // TensorFlow's build for CUDA 12, and the newest version of each library that its metadata allows.
  cuda: {
    version: '2.21.0',
    wheels: [
      {
        name: 'tensorflow',
        version: '2.21.0',
        platform: 'manylinux_2_27_x86_64',
        sha256: '9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124',
        sizeBytes: 572_440_367,
        unpackedBytes: 1_264_203_217,
      },
      {
        name: 'nvidia-cublas-cu12',
        version: '12.9.3.13',
        platform: 'manylinux_2_27_x86_64',
        sha256: 'd7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72',
        sizeBytes: 581_217_458,
        unpackedBytes: 854_310_592,
      },
      {
        name: 'nvidia-cuda-cupti-cu12',
        version: '12.8.90',
        platform: 'manylinux2014_x86_64',
        sha256: 'ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182',
        sizeBytes: 10_248_621,
        unpackedBytes: 7_595_792,
      },
      {
        name: 'nvidia-cuda-nvcc-cu12',
        version: '12.9.86',
        platform: 'manylinux2010_x86_64',
        sha256: '5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0',
        sizeBytes: 40_546_229,
        unpackedBytes: 35_417_224,
      },
      {
        name: 'nvidia-cuda-nvrtc-cu12',
        version: '12.9.86',
        platform: 'manylinux2010_x86_64',
        sha256: '210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4',
        sizeBytes: 89_568_129,
        unpackedBytes: 113_447_240,
      },
      {
        name: 'nvidia-cuda-runtime-cu12',
        version: '12.9.79',
        platform: 'manylinux2014_x86_64',
        sha256: '25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3',
        sizeBytes: 3_493_179,
        unpackedBytes: 741_088,
      },
      {
        name: 'nvidia-cudnn-cu12',
        version: '9.28.0.42',
        platform: 'manylinux_2_27_x86_64',
        sha256: '9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375',
        sizeBytes: 716_538_495,
        unpackedBytes: 1_162_393_472,
      },
      {
        name: 'nvidia-cufft-cu12',
        version: '11.4.1.4',
        platform: 'manylinux2014_x86_64',
        sha256: 'c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28',
        sizeBytes: 200_877_592,
        unpackedBytes: 291_507_928,
      },
      {
        name: 'nvidia-curand-cu12',
        version: '10.3.10.19',
        platform: 'manylinux_2_27_x86_64',
        sha256: '49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e',
        sizeBytes: 68_295_626,
        unpackedBytes: 166_965_432,
      },
      {
        name: 'nvidia-cusolver-cu12',
        version: '11.7.5.82',
        platform: 'manylinux_2_27_x86_64',
        sha256: '15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88',
        sizeBytes: 338_117_415,
        unpackedBytes: 302_024_152,
      },
      {
        name: 'nvidia-cusparse-cu12',
        version: '12.5.10.65',
        platform: 'manylinux2014_x86_64',
        sha256: '73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78',
        sizeBytes: 366_465_088,
        unpackedBytes: 486_556_368,
      },
      {
        name: 'nvidia-nccl-cu12',
        version: '2.32.3',
        platform: 'manylinux_2_27_x86_64',
        sha256: 'bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c',
        sizeBytes: 351_526_311,
        unpackedBytes: 473_614_536,
      },
      {
        name: 'nvidia-nvjitlink-cu12',
        version: '12.9.86',
        platform: 'manylinux2010_x86_64',
        sha256: 'e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9',
        sizeBytes: 39_748_338,
        unpackedBytes: 95_935_344,
      },
    ],
  },
};
