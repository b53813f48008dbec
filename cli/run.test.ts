import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { containing } from '../test/support/matchers.ts';
import { commandTree, flatten } from './command-tree.ts';
import { completionScript } from './output/completion-script.ts';
import { createProgram } from './program.ts';
import { cliReference } from './reference.ts';
import { run } from './run.ts';
import type { Terminal } from './terminal.ts';

let out: string;
let err: string;
let requests: Request[];
const realFetch = globalThis.fetch;

beforeEach(() => {
  out = '';
  err = '';
  requests = [];
});
afterEach(() => {
  globalThis.fetch = realFetch;
});

const terminal = (env: Readonly<Record<string, string>> = {}): Terminal => ({
  out: (text) => {
    out += text;
  },
  err: (text) => {
    err += text;
  },
  readStdin: async () => '',
  env: { PORTOLAN_SERVER: 'http://hub.test', PORTOLAN_TOKEN: 'ptk1.x.y', ...env },
  workingFolder: '/nowhere',
  homeFolder: '/nowhere',
  isTerminal: false,
  errorIsTerminal: false,
  nowMs: () => Date.parse('2026-01-01T00:01:00Z'),
  onInterrupt: () => () => undefined,
});
const cli = (argv: readonly string[], env?: Readonly<Record<string, string>>): Promise<number> =>
  run(argv, terminal(env), '1.2.3', import.meta.url);

const answers = (body: unknown, status = 200): void => {
  globalThis.fetch = async (input, init) => {
    requests.push(new Request(input, init));
    return Response.json(body, { status });
  };
};

const metadata = {
  namespace: 'default',
  uid: 'u',
  resourceVersion: '1',
  generation: 1,
  creationTimestamp: '2026-01-01T00:00:00Z',
  finalizers: [],
  annotations: {},
};
const cluster = (name: string, labels: Readonly<Record<string, string>> = {}) => ({
  apiVersion: 'portolan.dev/v1alpha1',
  kind: 'Cluster',
  metadata: { ...metadata, name, labels },
  spec: { location: { country: 'FR' }, addresses: ['192.0.2.1'] },
});
const clusters = (...items: ReturnType<typeof cluster>[]) => ({
  apiVersion: 'portolan.dev/v1alpha1',
  kind: 'ClusterList',
  metadata: { resourceVersion: '1' },
  items,
});

describe('as a plug-in of kubectl', () => {
  const plugin = { PORTOLAN_PROGRAM: 'kubectl portolan' };

  it('goes by the name it is typed with', async () => {
    expect(await run(['cluster', 'join', '--help'], terminal(plugin), '0.1.0', import.meta.url)).toBe(0);
    expect(out).toMatch(/^Usage: kubectl portolan cluster join /);
  });

  it('takes no other name from the environment', async () => {
    await run(['--help'], terminal({ PORTOLAN_PROGRAM: 'rm' }), '0.1.0', import.meta.url);
    expect(out).toMatch(/^Usage: portolan /);
  });
});

describe('cluster join --kubernetes', () => {
  it('takes no context of a cluster that it would not use, and makes no token', async () => {
    globalThis.fetch = async () => {
      throw new Error('the hub was asked');
    };
    const words = ['cluster', 'join', 'paris', '--kubernetes', '--context', 'paris'];
    expect(await run(words, terminal(), '0.1.0', import.meta.url)).toBe(1);
    expect(err).toContain('error USAGE');
    expect(err).toContain('Add --apply');
  });
});

describe('get', () => {
  it('lists a table, wider with -o wide', async () => {
    answers(clusters(cluster('paris')));
    expect(await cli(['get', 'cl'])).toBe(0);
    expect(out.split('\n')).toEqual([
      expect.stringMatching(/^NAME +COUNTRY +READY +STATE +AGENT +SNAPSHOT +AGE$/),
      expect.stringMatching(/^paris +FR +Unknown +- +- +- +60s$/),
      '',
    ]);
    out = '';
    await cli(['get', 'clusters', '-A', '-o', 'wide']);
    expect(out).toMatch(/^NAMESPACE.*ADDRESSES/);
    expect(out).toContain('192.0.2.1');
  });

  it('gives a list with -o json, the object itself for one name, and names with -o name', async () => {
    answers(clusters(cluster('paris'), cluster('rome')));
    await cli(['get', 'clusters', '-o', 'json']);
    expect(JSON.parse(out)).toMatchObject({
      kind: 'List',
      items: [{ kind: 'Cluster' }, { kind: 'Cluster' }],
    });
    out = '';
    await cli(['-o', 'name', 'get', 'clusters']);
    expect(out).toBe('cluster/paris\ncluster/rome\n');
    out = '';
    answers(cluster('paris'));
    await cli(['get', 'cluster', 'paris', '-o', 'yaml']);
    expect(out).toMatch(/^apiVersion: portolan\.dev\/v1alpha1\nkind: Cluster\n/);
    expect(requests.at(-1)?.url).toMatch(/namespaces\/default\/clusters\/paris$/);
  });

  it('selects by labels, and says on stderr when there is nothing', async () => {
    answers(clusters(cluster('paris', { tier: 'gold' }), cluster('rome')));
    await cli(['get', 'clusters', '-l', 'tier=gold', '-o', 'name']);
    expect(out).toBe('cluster/paris\n');
    out = '';
    expect(await cli(['get', 'clusters', '-l', 'tier=lead'])).toBe(0);
    expect([out, err]).toEqual(['', 'No clusters in namespace default.\n']);
  });
});

describe('delete', () => {
  const withHeld = (finalizers: readonly string[]) => {
    const stored = cluster('paris');
    const leaving = {
      ...stored,
      metadata: { ...stored.metadata, finalizers, deletionTimestamp: '2026-01-01T00:00:00Z' },
    };
    const left = finalizers.length === 0 ? stored : leaving;
    globalThis.fetch = async (input, init) => {
      const request = new Request(input, init);
      return Response.json(
        request.method === 'GET' ? stored : { revision: 2, documents: [], objects: [left], warnings: [] },
      );
    };
  };

  it('says that an object is deleted when it is gone', async () => {
    withHeld([]);
    expect(await cli(['delete', 'cluster', 'paris'])).toBe(0);
    expect(out).toBe('cluster/paris deleted\n');
  });

  it('does not say so of one that finalizers hold', async () => {
    withHeld(['example.com/dns', 'example.com/audit']);
    expect(await cli(['delete', 'cluster', 'paris'])).toBe(0);
    expect(out).toBe(
      'cluster/paris deletion asked; waits for finalizers: example.com/dns, example.com/audit\n',
    );
  });
});

describe('an error', () => {
  it('is told with code and fix on stderr, and the exit code is 1', async () => {
    answers({ code: 'NOT_FOUND', detail: 'no such thing', fix: 'Look elsewhere.' }, 404);
    expect(await cli(['status'])).toBe(1);
    expect([out, err]).toEqual(['', 'error NOT_FOUND: no such thing\n  fix: Look elsewhere.\n']);
  });

  it('is the problem as JSON with -o json, also before the command runs', async () => {
    expect(await cli(['get', 'clustrs', '-o', 'json'])).toBe(1);
    expect(JSON.parse(err)).toMatchObject({ code: 'KIND_UNKNOWN', fix: containing('clusters') });
    err = '';
    expect(await cli(['-o', 'json', 'get'])).toBe(1);
    expect(JSON.parse(err)).toMatchObject({ code: 'USAGE' });
  });

  it('of `diff` is above 1, for 1 means a difference', async () => {
    expect(await cli(['diff', '-f', 'not-there.yaml'])).toBe(2);
    expect(err).toMatch(/^error USAGE: not-there\.yaml cannot be read/);
    expect(await cli(['-n', 'shop', 'diff', '-f', 'not-there.yaml'])).toBe(2);
  });

  it.each<[argv: readonly string[], message: RegExp]>([
    [['gett', 'clusters'], /unknown command 'gett'\n {2}fix: Did you mean get\?/],
    [
      ['cluster', 'drian', 'x'],
      /unknown command 'drian'\n {2}fix: Did you mean drain\?.*portolan cluster --help/,
    ],
    [['get', 'cluster', '--wach'], /unknown option '--wach'\n {2}fix: Did you mean --watch\?/],
    [['get', 'zonse'], /KIND_UNKNOWN.*\n {2}fix: Did you mean zone/],
    [['apply'], /required option '-f, --filename <file>' not specified/],
    [['drill', 'run', '--action', 'explode'], /Allowed choices are fail, drain/],
    [['drill', 'run', '--duration', 'long'], /--duration "long" is no whole number/],
    [
      ['get', 'clusters', '-o', 'xml'],
      /-o xml is no output of this command\n {2}fix: Use -o wide, -o json, -o yaml, -o name/,
    ],
    [['cluster', 'drain', 'x', '--force'], /--force needs --reason/],
    [['resolve', 'a.example', '--from', 'DE', '--client', '192.0.2.1'], /--from and --client/],
    [['resolve', 'a.example', '--from', 'Atlantis'], /"Atlantis" is no place/],
  ])('I36 %j', async (argv, message) => {
    answers({});
    expect(await cli(argv)).toBe(1);
    expect(out).toBe('');
    expect(err).toMatch(message);
    expect(requests).toEqual([]);
  });

  it('of a token that the hub refuses says where the token came from', async () => {
    answers({ code: 'UNAUTHENTICATED', detail: 'no valid token came with the request', fix: 'x' }, 401);
    expect(await cli(['status'])).toBe(1);
    expect(err).toContain('http://hub.test does not take the token from PORTOLAN_TOKEN');
    err = '';
    expect(await cli(['status', '--token', 'ptk1.a.b'])).toBe(1);
    expect(err).toContain('does not take the token from --token:');
    expect(err).not.toContain('ptk1');
  });

  it('without a hub says how to name one', async () => {
    expect(await cli(['status'], { PORTOLAN_SERVER: '' })).toBe(1);
    expect(err).toMatch(/no hub is known here\n {2}fix: .*portolan dev/);
  });
});

describe('help', () => {
  it('is printed with exit code 0', async () => {
    expect(await cli(['--help'])).toBe(0);
    expect(out).toContain('Usage: portolan');
    expect(await cli(['cluster', 'join', '--help'])).toBe(0);
    expect(out).toContain('--enrol-only');
  });

  const root = commandTree(createProgram({ terminal: terminal(), version: '', entryUrl: '', exitCode: 0 }));
  const leaves = flatten(root).filter((n) => n.children.length === 0);

  it('of every command has a description and two examples, and the reference has them all', async () => {
    const reference = cliReference();
    expect(leaves.length).toBeGreaterThan(25);
    for (const { path, command } of leaves) {
      out = '';
      expect(await cli([...path.split(' '), '--help'])).toBe(0);
      const [, examples = ''] = out.split('\nExamples:\n');
      expect([path, (examples.match(/^ {2}\$ .*portolan/gm) ?? []).length]).toEqual([path, 2]);
      expect(command.summary()).not.toBe('');
      expect(command.description().length).toBeGreaterThan(20);
      expect(reference).toContain(`\n## ${path}\n\n${command.description()}\n`);
    }
  });

  it('of bash completion parses and completes commands, kinds and formats', () => {
    const script = completionScript('bash', root);
    execFileSync('bash', ['-n'], { input: script });
    const complete = (...words: readonly string[]): readonly string[] =>
      execFileSync(
        'bash',
        [
          '-c',
          `eval "$1"; shift; COMP_WORDS=(portolan "$@"); COMP_CWORD=$#; _portolan; printf '%s\\n' "\${COMPREPLY[@]}"`,
          'bash',
          script,
          ...words,
        ],
        { encoding: 'utf8' },
      )
        .trim()
        .split('\n');
    expect(complete('dr')).toEqual(['drill']);
    expect(complete('cluster', 'dr')).toEqual(['drain']);
    expect(complete('get', 'cl')).toEqual(['clusters']);
    expect(complete('get', 'clusters', '-o', 'y')).toEqual(['yaml']);
    expect(complete('cluster', 'join', '--enr')).toEqual(['--enrol-only']);
  });

  it.each(['zsh', 'fish'] as const)('of %s completion knows every command', async (shell) => {
    const script = completionScript(shell, root);
    for (const { path } of leaves) expect(script).toContain(path.split(' ').at(-1));
    out = '';
    expect(await cli(['completion', shell])).toBe(0);
    expect(out).toBe(script);
  });
});

describe('a trial of certificates that failed', () => {
  it('is the document on stdout with -o json, the reason on stderr, and exit code 1', async () => {
    answers({
      policy: 'web',
      issuer: 'ca',
      directory: 'https://staging.example/dir',
      state: 'failed',
      dnsNames: ['a.example.com'],
      startedAt: '2026-01-01T00:00:00Z',
      steps: [],
      problem: { code: 'CHALLENGE_FAILED', message: 'a.example.com: no TXT', fix: 'Look.' },
    });
    expect(await cli(['cert', 'try', 'web', '--last', '-o', 'json'])).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ state: 'failed' });
    expect(JSON.parse(err)).toMatchObject({ code: 'CHALLENGE_FAILED', detail: 'a.example.com: no TXT' });
  });
});

describe('version', () => {
  it('of this program is given without a hub', async () => {
    expect(await cli(['version', '--client', '-o', 'json'])).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ client: { version: '1.2.3' } });
    expect(requests).toEqual([]);
  });

  it('of the hub may be unknown, which is no failure', async () => {
    globalThis.fetch = async () => Promise.reject(new Error('refused'));
    expect(await cli(['version'])).toBe(0);
    expect(out).toMatch(/^portolan 1\.2\.3 .*\nhub unknown: .*refused\n$/);
  });
});
