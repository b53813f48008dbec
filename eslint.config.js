import tseslint from 'typescript-eslint';

/** What `src` gets from its callers instead: the clock, randomness, timers, the network and the environment. */
const INJECTED = 'src is pure: this is passed in (docs/architecture.md).';
const injectedGlobals = [
  ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'fetch', 'WebSocket', 'EventSource'],
  ...['performance', 'process', 'crypto', 'console'],
];
const random = [
  ...['randomBytes', 'randomUUID', 'randomInt', 'randomFill', 'randomFillSync', 'getRandomValues'],
  'pseudoRandomBytes',
];
const injectedSyntax = [
  "NewExpression[callee.name='Date'][arguments.length=0]",
  "CallExpression[callee.name='Date']",
  // `import * as crypto` and `import crypto` would hide what is used.
  'ImportDeclaration[source.value=/^(node:)?crypto$/] > :matches(ImportNamespaceSpecifier, ImportDefaultSpecifier)',
  // A computed name or a renamed object would hide it too.
  'ImportExpression[source.value=/^node:/]',
  "VariableDeclarator[init.name='Date'], VariableDeclarator[init.name='Math']",
].map((selector) => ({ selector, message: INJECTED }));

/** @param allowed globals and `object.property` that stay free */
function pureSourceRules(allowed) {
  const globals = injectedGlobals.filter((name) => !allowed.includes(name));
  const members = [
    ['Date', 'now'],
    ['Math', 'random'],
    ['AbortSignal', 'timeout'],
    ...globals.flatMap((name) => [
      ['globalThis', name],
      ['global', name],
    ]),
  ].filter(([object, property]) => !allowed.includes(`${object}.${property}`));
  return {
    'no-restricted-globals': ['error', ...globals.map((name) => ({ name, message: INJECTED }))],
    'no-restricted-properties': [
      'error',
      ...members.map(([object, property]) => ({ object, property, message: INJECTED })),
    ],
    'no-restricted-syntax': ['error', ...injectedSyntax],
    'no-restricted-imports': [
      'error',
      { paths: ['node:crypto', 'crypto'].map((name) => ({ name, importNames: random, message: INJECTED })) },
    ],
  };
}

/** Only the rules that need types; formatting and the rest of linting are biome's. */
export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', '**/generated/**', '**/*.mjs', '**/*.js'] },
  {
    files: ['**/*.ts'],
    plugins: { '@typescript-eslint': tseslint.plugin },
    languageOptions: { parser: tseslint.parser, parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/no-unsafe-assignment': 'error',
      '@typescript-eslint/no-unsafe-call': 'error',
      '@typescript-eslint/no-unsafe-member-access': 'error',
      '@typescript-eslint/no-unsafe-return': 'error',
    },
  },
  { files: ['src/**/*.ts'], ignores: ['**/*.test.ts'], rules: pureSourceRules([]) },
  {
    // The client is what programs outside use: it fetches and waits by itself unless its caller passes other means.
    files: ['src/client/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: pureSourceRules(['fetch', 'setTimeout', 'AbortSignal.timeout']),
  },
);
