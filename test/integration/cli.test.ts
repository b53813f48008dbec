import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ran, runCli } from '../support/cli.ts';
import { CLI_MAIN, type HubProcess, startHub } from '../support/hub-process.ts';
import { anyOf, containing, matching } from '../support/matchers.ts';
import { until } from '../support/until.ts';

/* The command line against a hub of its own process: what people type, what they read, what scripts see. */

const folder = mkdtempSync(join(tmpdir(), 'portolan-cli-'));
let hub: HubProcess | undefined;
let server: string;
let tokenFile: string;

/** Runs a command line against the hub. */
const cli = (argv: readonly string[], stdin = '', token?: string): Promise<Ran> =>
  runCli(argv, {
    folder,
    stdin,
    env: {
      PORTOLAN_SERVER: server,
      ...(token === undefined ? { PORTOLAN_TOKEN_FILE: tokenFile } : { PORTOLAN_TOKEN: token }),
    },
  });

const ok = async (argv: readonly string[], stdin?: string): Promise<string> => {
  const { code, out, err } = await cli(argv, stdin);
  expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
  return out;
};

/** What is desired of the policies: the hub may write their status meanwhile. */
async function specs(): Promise<unknown> {
  const { items } = JSON.parse(await ok(['get', 'tp', '-o', 'json'])) as {
    readonly items: readonly { readonly metadata: { readonly name: string }; readonly spec: unknown }[];
  };
  return items.map(({ metadata, spec }) => ({ name: metadata.name, spec }));
}

const CLUSTERS = `
apiVersion: portolan.dev/v1alpha1
kind: Cluster
metadata: {name: paris, labels: {tier: gold}}
spec: {location: {country: FR}, addresses: [127.0.9.1]}
---
apiVersion: portolan.dev/v1alpha1
kind: Cluster
metadata: {name: ohio}
spec: {location: {country: US}, addresses: [127.0.9.2]}
`;
const ZONE = `
apiVersion: portolan.dev/v1alpha1
kind: Zone
metadata: {name: shop}
spec:
  origin: shop.example
  nameServers: [{name: ns1.shop.example, addresses: [127.0.0.1]}]
`;
const policy = (change: Readonly<Record<string, string>> = {}): string => `
apiVersion: portolan.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: ${change.name ?? 'web'}}
spec:
  hostnames: [${change.hostname ?? 'www.shop.example'}]
  ttlSeconds: ${change.ttl ?? '30'}
  ${change.extra ?? ''}
  endpoints:
    - {name: paris, cluster: ${change.cluster ?? 'paris'}}
    - {name: ohio, cluster: ohio${change.address === undefined ? '' : `, addresses: [${change.address}]`}}
  routing:
    geo:
      - {name: france, match: {countries: [FR]}, tiers: [{members: [{endpoint: paris}]}]}
      ${change.geo ?? ''}
    default: {tiers: [{members: [{endpoint: paris, weight: ${change.weight ?? '70'}}, {endpoint: ohio, weight: ${change.weight === '0' ? '0' : '30'}}]}]}
`;
const WORLD = `${CLUSTERS}---${ZONE}---${policy()}`;

beforeAll(async () => {
  const home = join(folder, 'hub');
  const init = await promisify(execFile)(
    process.execPath,
    [CLI_MAIN, 'init', '--dir', home, '-o', 'json', '-q'],
    { env: { ...process.env, HOME: folder } },
  );
  const made: unknown = JSON.parse(init.stdout);
  expect(made).toMatchObject({ directory: home, created: true });
  tokenFile = join(home, 'admin.token');
  hub = await startHub(home);
  server = hub.api;
  writeFileSync(join(folder, 'world.yaml'), WORLD);
  await ok(['apply', '-f', 'world.yaml']);
});

afterAll(async () => {
  const code = await hub?.stop();
  rmSync(folder, { recursive: true });
  // The signal reached the hub through `portolan hub`, and its exit code came back.
  expect(code).toBe(0);
});

describe('init', () => {
  it('left a context that only its owner can read, and commands find the hub by it', async () => {
    const context = join(folder, '.config', 'portolan', 'context.json');
    expect(JSON.parse(readFileSync(context, 'utf8'))).toMatchObject({ tokenFile });
  });
});

describe('apply', () => {
  it('says per object what it did, and nothing changes the second time', async () => {
    const out = await ok(['apply', '-f', 'world.yaml']);
    expect(out.trim().split('\n')).toEqual([
      'cluster/paris unchanged',
      'cluster/ohio unchanged',
      'zone/shop unchanged',
      'trafficpolicy/web unchanged',
    ]);
    expect(await ok(['apply', '-f', '-', '-o', 'name'], policy())).toBe('trafficpolicy/web\n');
  });

  it('with --dry-run says what it would do and stores nothing', async () => {
    const out = await ok(
      ['apply', '-f', '-', '--dry-run'],
      policy({ name: 'dry', hostname: 'dry.shop.example' }),
    );
    expect(out).toBe('trafficpolicy/dry created (dry run)\n');
    expect((await cli(['get', 'tp', 'dry'])).err).toMatch(/^error NOT_FOUND/);
  });

  it('warns on stderr about what is stored but not answered', async () => {
    const { code, out, err } = await cli(
      ['apply', '-f', '-', '--dry-run'],
      policy({ name: 'homeless', hostname: 'www.elsewhere.example' }),
    );
    expect([code, out]).toEqual([0, 'trafficpolicy/homeless created (dry run)\n']);
    expect(err).toMatch(/^warning: www\.elsewhere\.example/);
  });

  it.each<[what: string, text: string, code: string, where: RegExp]>([
    ['text that is no YAML', 'kind: [A', 'YAML_INVALID', /-: line \d, column/],
    [
      'a kind that does not exist',
      'apiVersion: portolan.dev/v1alpha1\nkind: Polcy\nmetadata: {name: x}',
      'KIND_UNKNOWN',
      /TrafficPolicy/,
    ],
    [
      'an unknown field',
      policy({ name: 'bad', hostname: 'bad.shop.example', extra: 'ttlSecond: 3' }),
      'VALIDATION_FAILED',
      /-:\d+ spec\.ttlSecond.*[\s\S]*ttlSeconds/,
    ],
    [
      'geo rules that overlap',
      policy({
        name: 'bad',
        hostname: 'bad.shop.example',
        geo: '- {name: also, match: {countries: [FR]}, tiers: [{members: [{endpoint: ohio}]}]}',
      }),
      'GEO_OVERLAP',
      /spec\.routing\.geo\[1\]/,
    ],
    [
      'weights that are all zero',
      policy({ name: 'bad', hostname: 'bad.shop.example', weight: '0' }),
      'WEIGHTS_ALL_ZERO',
      /spec\.routing\.default/,
    ],
    ['a claimed hostname', policy({ name: 'bad' }), 'HOSTNAME_CLAIMED', /spec\.hostnames\[0\]/],
    [
      'a forbidden address',
      policy({ name: 'bad', hostname: 'bad.shop.example', address: '169.254.169.254' }),
      'ADDRESS_FORBIDDEN',
      /spec\.endpoints\[1\]\.addresses\[0\]/,
    ],
    [
      'a reference to nothing',
      policy({ name: 'bad', hostname: 'bad.shop.example', cluster: 'rome' }),
      'REFERENCE_NOT_FOUND',
      /spec\.endpoints\[0\]\.cluster/,
    ],
  ])(
    'I36 of %s is refused with code, place and fix; nothing of the call is stored',
    async (_what, text, code, where) => {
      // A good document before the bad one: it must not be stored either.
      const good =
        'apiVersion: portolan.dev/v1alpha1\nkind: HealthCheck\nmetadata: {name: half}\nspec: {protocol: tcp, port: 80}\n';
      const before = await specs();
      for (const input of [text, `${good}---\n${text}`]) {
        const { code: exit, out, err } = await cli(['apply', '-f', '-'], input);
        expect([exit, out]).toEqual([1, '']);
        expect(err).toContain(code);
        expect(err).toMatch(/^error [A-Z_]+: /);
        expect(err).toMatch(where);
        expect(err).toMatch(/\n {2,4}fix: \S/);
      }
      expect((await cli(['get', 'hc', '-o', 'name'])).out).toBe('');
      expect(await specs()).toEqual(before);
    },
  );
});

describe('get', () => {
  it('prints a table, wide, names, YAML that can be applied again, and JSON', async () => {
    await until(
      'the hub has written the status of both',
      async () => ((await ok(['get', 'clusters'])).match(/NoAgent/g) ?? []).length === 2,
      10_000,
    );
    expect(await ok(['get', 'clusters'])).toMatch(/^NAME +COUNTRY +READY.*\nohio +US +False +NoAgent/);
    expect(await ok(['get', 'clusters', '-o', 'wide'])).toContain('127.0.9.1');
    expect(await ok(['get', 'clusters', '-o', 'name', '-l', 'tier=gold'])).toBe('cluster/paris\n');
    expect(JSON.parse(await ok(['get', 'clusters', '-A', '-o', 'json']))).toMatchObject({
      kind: 'List',
      items: [{ metadata: { name: 'ohio' } }, { metadata: { name: 'paris' } }],
    });
    const yaml = await ok(['get', 'tp', 'web', '-o', 'yaml']);
    expect(yaml).toContain('kind: TrafficPolicy');
    expect(await ok(['apply', '-f', '-'], yaml)).toBe('trafficpolicy/web unchanged\n');
    expect((await cli(['get', 'clusters', '-n', 'empty'])).err).toBe('No clusters in namespace empty.\n');
  });

  it('-w prints changes as they happen, and Ctrl-C ends it', async () => {
    const watching = spawn(process.execPath, [CLI_MAIN, 'get', 'hc', '-w', '-o', 'name'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, PORTOLAN_SERVER: server, PORTOLAN_TOKEN_FILE: tokenFile },
    });
    let seen = '';
    watching.stdout.on('data', (chunk: Buffer) => {
      seen += chunk.toString();
    });
    const gone = new Promise<void>((resolve) => watching.once('exit', () => resolve()));
    try {
      // Written again and again until it is seen: when the watch begins is not known.
      let port = 1000;
      await until(
        'the watch shows a new health check',
        async () => {
          port += 1;
          await ok(
            ['apply', '-f', '-'],
            `apiVersion: portolan.dev/v1alpha1\nkind: HealthCheck\nmetadata: {name: seen}\nspec: {protocol: tcp, port: ${port}}`,
          );
          return seen.includes('healthcheck/seen\n');
        },
        20_000,
        200,
      );
    } finally {
      watching.kill('SIGINT');
      await gone;
    }
    expect(await ok(['delete', 'hc', 'seen'])).toBe('healthcheck/seen deleted\n');
  });
});

describe('describe', () => {
  it('shows spec, conditions, votes and who changed it', async () => {
    await until(
      'the hub has looked at the policy',
      async () => (await ok(['describe', 'tp', 'web'])).includes('Accepted'),
      10_000,
    );
    const out = await ok(['describe', 'tp', 'web']);
    for (const part of [
      'Kind:        TrafficPolicy',
      'Spec:\n  hostnames:',
      'Conditions:\n  TYPE',
      'SEEN FROM',
      'Last changes:\n',
      'admin, made by init  create',
    ])
      expect(out).toContain(part);
  });

  it('schema shows fields, or the JSON Schema', async () => {
    expect(await ok(['describe', 'schema', 'drill'])).toMatch(
      /spec\.durationSeconds +integer 5\.\.86400 +60/,
    );
    expect(JSON.parse(await ok(['describe', 'schema', 'drill', '-o', 'json']))).toHaveProperty('$schema');
  });
});

describe('diff and plan', () => {
  it('say by their exit codes whether something would change', async () => {
    const same = policy();
    const other = policy({ ttl: '60', weight: '100' });
    const codes = async (text: string): Promise<readonly number[]> =>
      Promise.all(
        [['diff'], ['plan'], ['plan', '--detailed-exitcode']].map(
          async (argv) => (await cli([...argv, '-f', '-'], text)).code,
        ),
      );
    expect(await codes(same)).toEqual([0, 0, 0]);
    expect(await codes(other)).toEqual([1, 0, 2]);
    expect(await codes(policy({ cluster: 'rome' }))).toEqual([2, 1, 1]);
    expect(await codes('kind: [')).toEqual([2, 1, 1]);
  });

  it('show fields and answers', async () => {
    const other = policy({ ttl: '60', weight: '100' });
    const diff = await cli(['diff', '-f', '-'], other);
    expect(diff.out).toBe(
      '~ trafficpolicy/web (namespace default)\n    spec.ttlSeconds: 30 → 60\n    spec.routing.default.tiers[0].members[0].weight: 70 → 100\n',
    );
    const plan = await ok(['plan', '-f', '-'], other);
    expect(plan).toMatch(/www\.shop\.example: .*paris 70 → 76\.9 %/);
    expect(plan).toMatch(/plan: 0 to create, 1 to change, 0 to delete, 0 unchanged\n$/);
    const created = await cli(['diff', '-f', '-'], policy({ name: 'new', hostname: 'new.shop.example' }));
    expect(created.out).toMatch(/^\+ trafficpolicy\/new .*\n {4}\+ apiVersion/);
    expect((await cli(['get', 'tp', 'new'])).code).toBe(1);
  });
});

describe('resolve', () => {
  it('gives the answer first, then the endpoints, then why', async () => {
    await until(
      'the policy is answered',
      async () => (await cli(['resolve', 'www.shop.example', '--from', 'FR'])).code === 0,
      10_000,
    );
    const lines = (await ok(['resolve', 'www.shop.example', '--from', 'FR'])).split('\n');
    expect(lines[1]).toMatch(/^ {2}www\.shop\.example\. {2}\d+ {2}A {2}127\.0\.9\.1 {2}\(paris\)$/);
    expect(lines[3]).toMatch(/^ENDPOINT +CLUSTER +SHARE/);
    expect(lines.join('\n')).toContain('why (answered by trafficpolicy default/web)');
    const json: unknown = JSON.parse(
      await ok(['resolve', 'www.shop.example', '--client', '192.0.2.1', '-o', 'json']),
    );
    expect(json).toMatchObject({ rcode: 'NOERROR', policy: 'web', client: { address: '192.0.2.1' } });
    const europe = await cli(['resolve', 'www.shop.example', '--from', 'Europe']);
    expect([europe.code, europe.out]).toEqual([
      0,
      expect.stringMatching(/^ANSWER +COUNTRIES\n[\s\S]*\bFR\b/),
    ]);
  });

  it('of a name that nobody answers ends with 1', async () => {
    expect(await cli(['resolve', 'nobody.example'])).toMatchObject({
      code: 1,
      out: containing('REFUSED'),
    });
  });
});

describe('cluster', () => {
  it('drains for a while and comes back', async () => {
    expect(
      await ok(['cluster', 'drain', 'ohio', '--for', '30m', '--reason', 'upgrade', '--dry-run']),
    ).toMatch(/dry run/);
    expect(await ok(['get', 'drains', '-o', 'name'])).toBe('');
    expect(await ok(['cluster', 'drain', 'ohio', '--for', '30m', '--reason', 'upgrade'])).toMatch(
      /^default\/ohio leaves the answers until 20/,
    );
    expect(await ok(['get', 'drains'])).toMatch(/ohio +ohio +\S+ +20\S+ +upgrade/);
    expect(JSON.parse(await ok(['cluster', 'undrain', 'ohio', '-o', 'json']))).toMatchObject({
      state: 'active',
    });
    expect(await ok(['get', 'drains', '-o', 'name'])).toBe('');
  });

  it('is not drained when it is the last capacity, unless forced with a reason', async () => {
    await ok(['cluster', 'drain', 'ohio']);
    const refused = await cli(['cluster', 'drain', 'paris']);
    expect([refused.code, refused.out]).toEqual([1, '']);
    expect(refused.err).toMatch(/^error LAST_CAPACITY: /);
    expect(refused.err).toMatch(/\n {2}fix: /);
    expect(await ok(['get', 'drains', '-o', 'name'])).toBe('drain/ohio\n');
    expect((await cli(['cluster', 'drain', 'paris', '--force'])).err).toMatch(/--force needs --reason/);
    expect(await ok(['cluster', 'drain', 'paris', '--force', '--reason', 'test', '--dry-run'])).toMatch(
      /dry run/,
    );
    await ok(['cluster', 'undrain', 'ohio']);
  });

  it('is created, given a token, and removed', async () => {
    expect(await ok(['cluster', 'create', 'tokyo', '--country', 'jp', '--address', '127.0.9.3'])).toBe(
      'cluster/tokyo created\n',
    );
    expect(await ok(['cluster', 'token', 'tokyo', '-o', 'name'])).toMatch(/^ptl1\.\S+\n$/);
    expect(JSON.parse(await ok(['cluster', 'token', 'tokyo', '-o', 'json', '--ttl', '1m']))).toMatchObject({
      token: matching(/^ptl1\./),
      expiresAt: matching(/^20/),
      command: containing('portolan cluster join'),
    });
    expect((await cli(['cluster', 'remove', 'paris'])).err).toMatch(/^error IN_USE: .*[\s\S]*fix: /);
    expect(await ok(['cluster', 'remove', 'tokyo'])).toContain('is removed');
    expect(await ok(['cluster', 'list'])).toMatch(/^NAME.*\nohio.*\nparis.*\n$/);
  });
});

describe('tokens', () => {
  it('of a viewer read but do not write, and end when revoked', async () => {
    const created: unknown = JSON.parse(
      await ok(['token', 'create', 'looker', '--role', 'viewer', '-o', 'json']),
    );
    const { id, token } = created as { readonly id: string; readonly token: string };
    expect((await cli(['get', 'tp', '-o', 'name'], '', token)).out).toBe('trafficpolicy/web\n');
    for (const argv of [
      ['apply', '-f', '-'],
      ['delete', 'tp', 'web'],
      ['cluster', 'drain', 'ohio'],
      ['token', 'list'],
      ['events'],
    ]) {
      const { code, out, err } = await cli(argv, policy({ ttl: '77' }), token);
      expect([argv, code, out]).toEqual([argv, 1, '']);
      expect(err).toMatch(/^error FORBIDDEN: .*\n {2}fix: /);
    }
    expect(await ok(['get', 'tp', 'web', '-o', 'yaml'])).toContain('ttlSeconds: 30');
    expect(await ok(['token', 'list'])).toContain('looker');
    await ok(['token', 'revoke', id]);
    expect((await cli(['get', 'tp'], '', token)).err).toMatch(/^error UNAUTHENTICATED: /);
  });
});

describe('looking after it', () => {
  it('check tells what is not in order, with a fix, and ends with 1', async () => {
    const { code, out } = await cli(['check']);
    expect(code).toBe(1);
    expect(out).toMatch(/^✓ hub: answers at http/);
    expect(out).toMatch(
      /\n✗ cluster default\/paris: no agent has joined.*\n {4}fix: Join an agent: portolan cluster token paris\n/,
    );
    const unreachable = await cli(['check', '--server', 'http://127.0.0.1:9', '--token', 'x', '-o', 'json']);
    expect(unreachable.code).toBe(1);
    expect(JSON.parse(unreachable.out)).toMatchObject({
      ok: false,
      findings: [{ what: 'hub', ok: false, fix: anyOf(String) }],
    });
  });

  it('status, events and version answer', async () => {
    expect(JSON.parse(await ok(['status', '-o', 'json']))).toMatchObject({
      hub: {},
      nameServers: [{ id: 'hub' }],
      targets: anyOf(Array),
    });
    expect(await ok(['status'])).toMatch(/^hub 0\.1\.0 at http/);
    expect(await ok(['events', '--limit', '3'])).toMatch(/^SEQ +TIME +WHO/);
    expect((await ok(['events', '--limit', '3'])).trim().split('\n')).toHaveLength(4);
    expect(JSON.parse(await ok(['version', '-o', 'json']))).toMatchObject({
      hub: { server, version: anyOf(String) },
    });
  });

  it('a reader that stops reading ends the program quietly', async () => {
    const { stdout, stderr } = await promisify(execFile)(
      'bash',
      ['-c', `"$0" "$1" completion fish | head -1; echo "\${PIPESTATUS[0]}"`, process.execPath, CLI_MAIN],
      { env: { ...process.env, PORTOLAN_SERVER: server, PORTOLAN_TOKEN_FILE: tokenFile } },
    );
    expect(stdout.split('\n')[1]).toBe('0');
    expect(stderr).toBe('');
  });
});

describe('drill', () => {
  it('plan shows guards and answers, and refuses by exit code; run is refused by the same guard', async () => {
    const plan = await cli(['drill', 'plan', '--action', 'fail', '--cluster', 'nowhere']);
    expect([plan.code, plan.out]).toEqual([
      1,
      expect.stringContaining('✗ target: there is no Cluster default/nowhere'),
    ]);
    expect((await cli(['drill', 'plan', '--action', 'fail'])).err).toMatch(
      /a drill needs --action and --cluster/,
    );
    expect((await cli(['drill', 'report', 'none'])).err).toMatch(/^error NOT_FOUND: Drill "default\/none"/);
  });
});
