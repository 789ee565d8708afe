#!/usr/bin/env node
const TENSORFLOW_MISSING = 6;
try {
  if (process.versions.pnp) {
    console.error(
      "tfjs-lora: @tensorflow/tfjs does not load with Yarn's Plug'n'Play; set 'nodeLinker: node-modules' in .yarnrc.yml",
    );
    process.exit(TENSORFLOW_MISSING);
  }
  import.meta.resolve('@tensorflow/tfjs');
  const { main } = await import('../dist/b2/main.js');
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error.code !== 'ERR_MODULE_NOT_FOUND' || !error.message.includes("'@tensorflow/tfjs'")) throw error;
  console.error(
    "tfjs-lora: its peer dependency @tensorflow/tfjs is not installed; install it with 'npm install @tensorflow/tfjs@4.22.0'",
  );
  process.exitCode = TENSORFLOW_MISSING;
}
