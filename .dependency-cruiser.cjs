/** Who may import whom (docs/architecture.md). A folder may import only what is listed for it. */
const test = '\\.(property\\.)?test\\.ts$';
const only = (name, from, allowed) => ({
  name,
  severity: 'error',
  comment: `${from} may import only: ${allowed.join(', ')}`,
  from: { path: `^${from}/`, pathNot: test },
  to: {
    path: '^(src|providers|hub|spoke-agent|nameserver|prober|gateway|kube|plugin|cli|demo|test|bench|scripts)/',
    pathNot: allowed.map((a) => `^${a}`),
  },
});

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    only('src-is-pure', 'src', ['src/']),
    {
      name: 'src-does-no-io',
      severity: 'error',
      comment:
        'src has no sockets, no file system, no processes, no timers: they are passed in (globals: eslint.config.js)',
      from: { path: '^src/', pathNot: test },
      to: {
        path: '^(node:)?(net|dgram|http|https|http2|tls|dns|fs|child_process|worker_threads|cluster|os|process|readline|repl|inspector|perf_hooks|module|v8|vm|trace_events|sqlite)(/|$)',
      },
    },
    {
      name: 'src-has-no-timers',
      severity: 'error',
      comment: 'time is passed in; only the client waits by itself unless its caller gives it a way to',
      from: { path: '^src/', pathNot: [test, '^src/client/'] },
      to: { path: '^(node:)?timers(/|$)' },
    },
    only('nameserver', 'nameserver', ['src/', 'nameserver/']),
    only('prober', 'prober', ['src/', 'prober/']),
    only('gateway', 'gateway', ['src/', 'gateway/']),
    only('kube', 'kube', ['src/', 'kube/']),
    only('plugin', 'plugin', ['src/', 'gateway/', 'plugin/']),
    only('hub', 'hub', [
      'src/',
      'nameserver/',
      'prober/',
      'kube/',
      'providers/contract\\.ts',
      'providers/catalogue\\.ts',
      'hub/',
    ]),
    {
      name: 'only-main-names-the-catalogue',
      severity: 'error',
      from: { path: '^hub/', pathNot: `^hub/main\\.ts$|${test}` },
      to: { path: '^providers/catalogue\\.ts$' },
    },
    {
      name: 'providers-know-the-contract',
      severity: 'error',
      comment:
        'a provider knows src, the contract and the files beside it (what all share that need sockets or are about them), and what name servers share; never another provider nor the hub',
      from: { path: '^providers/([^/]+)/', pathNot: test },
      to: {
        path: '^(providers/[^/]+/|hub|spoke-agent|gateway|plugin|nameserver(?!/transfer-client\\.ts)|prober|cli|demo|test)/',
        pathNot: '^providers/$1/',
      },
    },
    only('spoke-agent', 'spoke-agent', [
      'src/',
      'nameserver/',
      'prober/',
      'gateway/',
      'kube/',
      'providers/contract\\.ts',
      'spoke-agent/',
    ]),
    only('demo', 'demo', ['src/', 'nameserver/ask\\.ts', 'cli/programs\\.ts', 'demo/']),
    {
      name: 'cli',
      severity: 'error',
      comment:
        'the CLI knows resources, DNS, errors and the generated client, and copies zones by transfer; `hub`, `agent` and `dev` start the programs by their entry files',
      from: { path: '^cli/', pathNot: test },
      to: {
        path: '^(src/(?!resources|client|errors|dns|import|routing/location|plan/(explain|compile)-report)|providers|hub|spoke-agent|nameserver(?!/transfer-client\\.ts)|prober|test)/',
      },
    },
    {
      name: 'nothing-imports-test',
      severity: 'error',
      from: { pathNot: `^(test|bench)/|${test}` },
      to: { path: '^test/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.mjs', '.json'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      exportsFields: ['exports'],
    },
  },
};
