// Runs one command line in a process of its own, which kill-hooks.mjs may kill. Saves a checkpoint after each call of the engine.
import './kill-hooks.mjs';

const { processContext } = await import('../../../dist/cli/context.js');
const { main } = await import('../../../dist/cli/main.js');
process.exitCode = await main(process.argv.slice(2), { ...processContext(), checkpointEveryMs: 0 });
