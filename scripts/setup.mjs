#!/usr/bin/env node
// Gets a clone, or an installed package, ready to run. Plain Node: nothing is installed yet when it starts.
import { parseArgs } from 'node:util';
import { setUp } from './setup/set-up.mjs';
import { SetupError } from './setup/setup-error.mjs';

const usage = `Usage: node scripts/setup.mjs [--device auto|cpu|cuda|wasm] [--for use|test]

Installs the npm packages, builds dist/, and compiles tfjs-node's addon against TensorFlow 2.21.
TFJS_LORA_TENSORFLOW   a TensorFlow wheel, a folder of wheels, or an unpacked wheel; "none" for wasm only
TFJS_LORA_CUDA         the system's CUDA toolkit, instead of NVIDIA's wheels
TFJS_LORA_CACHE        folder for TensorFlow's libraries and compiled code
CXX                    the C++ compiler, else g++ or clang++
`;

try {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new SetupError(`this is Node ${process.versions.node}, and 20.19 or newer is needed`, 1);
  }
  const { values } = parseArgs({
    options: {
      device: { type: 'string', default: 'auto' },
      for: { type: 'string', default: 'use' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) process.stdout.write(usage);
  else await setUp({ device: values.device, purpose: values.for, note: (line) => console.error(line) });
} catch (error) {
  const { code, exitCode = 2, message } = /** @type {Error & { code?: string, exitCode?: number }} */ (error);
  const known = error instanceof SetupError || code?.startsWith('ERR_PARSE_ARGS');
  console.error(known ? `error: ${message}` : error);
  process.exitCode = known ? exitCode : 1;
}
