/**
 * The rooms of `src`, lowest layer first. A room may import the rooms before it, through their `index.ts` only.
 * The names are folders or single files of `src`.
 */
const rooms = [
  'errors.ts',
  'arguments.ts',
  'random.ts',
  'version.ts',
  'page-data.ts',
  'escape.ts',
  'quote.ts',
  'text',
  'patterns',
  'files',
  'data',
  'safetensors',
  'mnist-data-loader',
  'tensorboard',
  'pictures',
  'setup',
  'tensorflow-libraries',
  'kernels',
  'tensorflow',
  'layers-model.ts',
  'models',
  'content-hash.ts',
  'lora',
  'graph-models',
  'graph',
  'torch',
  'peft',
  'metrics',
  'training',
  'inference',
  'page',
  'runs',
  'gates',
  'report',
  'verification',
  'recipes',
  'trials',
  'queue',
  'sweep',
  'play',
  'cli',
];

/** The entry points of the package. Nothing in src imports them. */
const entryPoints = ['api'];

const pathOf = (room) => `^src/${room.replaceAll('.', '\\.')}${room.endsWith('.ts') ? '$' : '/'}`;
const layerRules = rooms.map((room, index) => ({
  name: `layers-${room}`,
  severity: 'error',
  comment: `${room} may import only the rooms before it in .dependency-cruiser.mjs`,
  from: { path: pathOf(room) },
  to: { path: [...rooms.slice(index + 1).map(pathOf), ...entryPoints.map(pathOf)].join('|') || '^$' },
}));

const indexRules = rooms
  .filter((room) => !room.endsWith('.ts'))
  .map((room) => ({
    name: `index-${room}`,
    severity: 'error',
    comment: `other rooms import ${room} through its index.ts`,
    from: { path: '^src/', pathNot: pathOf(room) },
    to: { path: pathOf(room), pathNot: `^src/${room}/index\\.ts$` },
  }));

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'src-stands-alone',
      severity: 'error',
      comment: 'src imports nothing of this repository outside src',
      from: { path: '^src/' },
      to: {
        pathNot: ['^src/', '^node_modules/'],
        dependencyTypesNot: ['core', 'npm', 'npm-optional', 'npm-peer'],
      },
    },
    {
      name: 'every-file-in-a-room',
      severity: 'error',
      comment: 'a folder of src needs a place in the list of rooms',
      from: { path: '^src/', pathNot: [...rooms.map(pathOf), ...entryPoints.map(pathOf)].join('|') },
      to: {},
    },
    ...layerRules,
    ...indexRules,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
    },
  },
};
