import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from './run.ts';
import type { Terminal } from './terminal.ts';

let out: string;
let err: string;
let sent: { readonly method: string; readonly path: string; readonly body: unknown }[];
let typed: string | undefined;
const realFetch = globalThis.fetch;

beforeEach(() => {
  out = '';
  err = '';
  sent = [];
  typed = undefined;
});
afterEach(() => {
  globalThis.fetch = realFetch;
});

function cli(...argv: readonly string[]): Promise<number> {
  const answer = typed;
  const terminal: Terminal = {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    readStdin: async () => '',
    ...(answer === undefined ? {} : { ask: async () => answer }),
    env: { PORTOLAN_SERVER: 'http://hub.test', PORTOLAN_TOKEN: 'ptk1.x.y' },
    workingFolder: '/nowhere',
    homeFolder: '/nowhere',
    isTerminal: false,
    errorIsTerminal: false,
    nowMs: () => 0,
    onInterrupt: () => () => undefined,
  };
  return run(argv, terminal, '1.2.3', import.meta.url);
}

/** A hub that answers these paths, each with one document. */
function hub(replies: Readonly<Record<string, unknown>>): void {
  globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const { pathname, search } = new URL(request.url);
    const text = await request.text();
    sent.push({
      method: request.method,
      path: `${pathname}${search}`,
      body: text === '' ? undefined : JSON.parse(text),
    });
    const reply = replies[pathname];
    return reply === undefined
      ? Response.json({ code: 'NOT_FOUND', detail: `no ${pathname}`, fix: 'x' }, { status: 404 })
      : Response.json(reply);
  };
}

const CLOUD = '/v1/providers/default/cloud';
const state = (origin: string, more: object = {}) => ({
  origin,
  id: 'Z1',
  generation: 3,
  appliedAt: '2026-01-01T00:00:00Z',
  plan: { hash: '0123456789abcdef', changes: [], held: [] },
  frozen: false,
  history: [
    { generation: 3, at: '2026-01-01T00:00:00Z', summary: '1 changed: www.example.com.' },
    { generation: 2, at: '2025-12-31T00:00:00Z', summary: '1 created: www.example.com.' },
  ],
  verified: 'yes',
  disagreements: [],
  ...more,
});

const CAPABILITIES = [
  {
    about: 'safety',
    subject: 'stale writers are refused',
    native: true,
    reason: 'Every change is conditional.',
  },
  { about: 'routing', subject: 'geo', native: false, reason: 'plain records only' },
  { about: 'routing', subject: 'weights', native: true, reason: 'weighted records' },
  {
    about: 'types',
    subject: 'records that are not written (RRSIG)',
    native: false,
    reason: 'it signs itself',
  },
];

describe('provider check', () => {
  it('shows what fails with what to do about it, and ends with 1', async () => {
    hub({
      [`${CLOUD}/check`]: {
        ok: false,
        findings: [
          { subject: 'route53:ListHostedZones', ok: true, message: '2 zones' },
          {
            subject: 'route53:ChangeResourceRecordSets',
            ok: false,
            message: 'denied',
            fix: 'Allow it on the zone.',
          },
        ],
        capabilities: CAPABILITIES,
      },
    });
    expect(await cli('provider', 'check', 'cloud')).toBe(1);
    expect(out.split('\n')).toEqual([
      'ok    route53:ListHostedZones: 2 zones',
      'FAIL  route53:ChangeResourceRecordSets: denied',
      '      fix: Allow it on the zone.',
      '1 of 2 checks fail',
      '',
    ]);
  });

  it('sums up what the provider routes itself once all is well, and gives reasons with --capabilities', async () => {
    hub({ [`${CLOUD}/check`]: { ok: true, findings: [], capabilities: CAPABILITIES } });
    expect(await cli('provider', 'check', 'cloud')).toBe(0);
    expect(out.split('\n')).toEqual([
      '0 checked, all well',
      'native: weights',
      'computed by the hub, as far as plain records can say it: geo',
      '(--capabilities says why)',
      '',
    ]);
    out = '';
    expect(await cli('provider', 'check', 'cloud', '--capabilities')).toBe(0);
    expect(out.split('\n').slice(1)).toEqual([
      '',
      'stale writers are refused: yes. Every change is conditional.',
      'geo: not by the provider. plain records only',
      'weights: by the provider. weighted records',
      'records that are not written (RRSIG): it signs itself',
      '',
    ]);
  });

  it('finds a provider of another namespace as reports write it', async () => {
    hub({ '/v1/providers/shop/cloud/check': { ok: true, findings: [], capabilities: [] } });
    expect(await cli('provider', 'check', 'shop/cloud', '-o', 'json')).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ ok: true });
  });
});

describe('provider plan', () => {
  it('shows changes, what waits and why, and who disagrees; exit code 1 then', async () => {
    hub({
      [`${CLOUD}/states`]: {
        items: [
          state('example.com.', {
            plan: {
              hash: '0123456789abcdef',
              changes: [
                {
                  change: 'create',
                  name: 'a.example.com.',
                  type: 'A',
                  setId: 'eu',
                  after: '30 192.0.2.1',
                },
                {
                  change: 'update',
                  name: 'b.example.com.',
                  type: 'A',
                  setId: '',
                  before: '30 192.0.2.1',
                  after: '30 192.0.2.2',
                },
                { change: 'delete', name: 'c.example.com.', type: 'A', setId: '', before: '30 192.0.2.3' },
              ],
              held: [
                {
                  name: 'www.example.com.',
                  code: 'RECORDS_FOREIGN',
                  message: 'somebody else made it',
                  fix: 'Run `portolan adopt www.example.com`.',
                },
                {
                  name: 'd.example.com.',
                  code: 'PLAN_NEEDS_APPROVAL',
                  message: '4 of 10 names go',
                  fix: 'Approve.',
                },
              ],
              waitsForApproval: {
                code: 'PLAN_NEEDS_APPROVAL',
                message: '4 of 10 names go',
                fix: 'Approve.',
                removals: [
                  { change: 'delete', name: 'd.example.com.', type: 'A', setId: '', before: '30 192.0.2.4' },
                ],
              },
            },
            verified: 'no',
            disagreements: ['ns1 (192.0.2.53): b.example.com. A: answered nothing instead of A 192.0.2.2'],
          }),
        ],
      },
    });
    expect(await cli('provider', 'plan', 'cloud')).toBe(1);
    expect(
      out,
    ).toBe(`example.com. (generation 3, written 2026-01-01T00:00:00Z; not every authoritative server agrees)
  plan 0123456789abcdef:
    + a.example.com. A [eu] 30 192.0.2.1
    ~ b.example.com. A 30 192.0.2.1 → 30 192.0.2.2
    - c.example.com. A 30 192.0.2.3
    ! www.example.com. waits (RECORDS_FOREIGN): somebody else made it
        fix: Run \`portolan adopt www.example.com\`.
  waits for approval, plan 0123456789abcdef: 4 of 10 names go
    - d.example.com. A 30 192.0.2.4
    fix: Approve.
  not verified: ns1 (192.0.2.53): b.example.com. A: answered nothing instead of A 192.0.2.2
`);
  });

  it('says of an error what to do about it', async () => {
    const failing = { error: 'PROVIDER_DENIED: 403 forbidden', errorFix: 'Grant dns.changes.create.' };
    hub({ [`${CLOUD}/states`]: { items: [state('example.com.', failing)] } });
    expect(await cli('provider', 'plan', 'cloud')).toBe(1);
    expect(out).toContain('  error: PROVIDER_DENIED: 403 forbidden\n    fix: Grant dns.changes.create.\n');
  });

  const change = { change: 'create', name: 'a.example.com.', type: 'A', setId: '', after: '30 192.0.2.1' };

  it('says what a rollback holds and what its end would write; exit code 1 as long as that is something', async () => {
    const held = (changes: readonly object[]) => ({
      [`${CLOUD}/states`]: {
        items: [state('example.com.', { heldAtGeneration: 2, afterResume: { changes, held: [] } })],
      },
    });
    hub(held([change]));
    expect(await cli('provider', 'plan', 'cloud')).toBe(1);
    expect(out).toContain(
      '  held at generation 2 by a rollback; `portolan provider resume` ends that and writes:\n    + a.example.com. A 30 192.0.2.1\n',
    );
    out = '';
    hub(held([]));
    expect(await cli('provider', 'plan', 'cloud')).toBe(0);
    expect(out).toContain('`portolan provider resume` ends that and writes nothing\n');
  });

  it('says that a zone is frozen and how to thaw it; exit code 1 when changes wait for that', async () => {
    const frozen = (changes: readonly object[]) => ({
      [`${CLOUD}/states`]: {
        items: [
          state('example.com.', { frozen: true, plan: { hash: '0123456789abcdef', changes, held: [] } }),
        ],
      },
    });
    hub(frozen([change]));
    expect(await cli('provider', 'plan', 'cloud')).toBe(1);
    expect(out).toContain(
      '  frozen: what follows is due and waits; to thaw it apply the DNSProvider with `spec.frozen: false`\n',
    );
    out = '';
    hub(frozen([]));
    expect(await cli('provider', 'plan', 'cloud')).toBe(0);
    expect(out).toContain('  frozen: nothing is written;');
  });

  it('ends with 0 when nothing is to be done', async () => {
    hub({ [`${CLOUD}/states`]: { items: [state('example.com.')] } });
    expect(await cli('provider', 'plan', 'cloud')).toBe(0);
    expect(out).toContain('nothing to do');
  });
});

describe('approve, rollback and resume', () => {
  it('need no --zone where the provider has one zone, and hand over the reason', async () => {
    const one = state('example.com.');
    hub({
      [`${CLOUD}/states`]: { items: [one] },
      [`${CLOUD}/approve`]: one,
      [`${CLOUD}/rollback`]: one,
      [`${CLOUD}/resume`]: one,
    });
    const plan = '0123456789abcdef';
    expect(await cli('provider', 'approve', 'cloud', '--plan', plan, '--reason', 'seen')).toBe(0);
    expect(out).toMatch(/^plan 0123456789abcdef of example\.com\. is approved, and this goes now:$/m);
    expect(await cli('provider', 'rollback', 'cloud', '--to', '2', '--dry-run')).toBe(0);
    expect(out).toMatch(
      /^example\.com\. would go back to generation 2; nothing is written now, this would be:$/m,
    );
    expect(await cli('rollback', 'cloud', '--to', '2', '--zone', 'Example.com')).toBe(0);
    expect(await cli('provider', 'resume', 'cloud')).toBe(0);
    expect(sent.filter(({ method }) => method === 'POST')).toEqual([
      { method: 'POST', path: `${CLOUD}/approve?reason=seen`, body: { zone: 'example.com.', plan } },
      {
        method: 'POST',
        path: `${CLOUD}/rollback?dryRun=true`,
        body: { zone: 'example.com.', generation: 2 },
      },
      { method: 'POST', path: `${CLOUD}/rollback`, body: { zone: 'example.com.', generation: 2 } },
      { method: 'POST', path: `${CLOUD}/resume`, body: { zone: 'example.com.' } },
    ]);
  });

  it('I36 say which zones there are when none or a wrong one is named, and change nothing', async () => {
    hub({ [`${CLOUD}/states`]: { items: [state('example.com.'), state('example.net.')] } });
    expect(await cli('provider', 'resume', 'cloud')).toBe(1);
    expect(err).toMatch(/several zones\n {2}fix: Name one of example\.com\., example\.net\.: --zone/);
    err = '';
    expect(await cli('rollback', 'cloud', '--to', '2', '--zone', 'example.org')).toBe(1);
    expect(err).toMatch(/PROVIDER_ZONE_MISSING.*\n {2}fix: Its zones are example\.com\./);
    err = '';
    expect(await cli('rollback', 'cloud', '--to', 'yesterday')).toBe(1);
    expect(err).toContain('--to "yesterday" is no whole number');
    expect(sent.every(({ method }) => method === 'GET')).toBe(true);
  });

  it('history lists what a rollback can bring back', async () => {
    hub({ [`${CLOUD}/states`]: { items: [state('example.com.')] } });
    expect(await cli('provider', 'history', 'cloud')).toBe(0);
    expect(out).toContain('2            2025-12-31T00:00:00Z   1 created: www.example.com.');
  });
});

describe('adopt', () => {
  const preview = {
    provider: 'default/cloud',
    zone: 'example.com.',
    hostname: 'www.example.com.',
    digest: 'd1',
    before: ['www.example.com. 300 A 192.0.2.9'],
    after: ['www.example.com. 30 A 192.0.2.1'],
    owner: 'external-dns:blue',
    ours: false,
    adopted: false,
  };

  /** A hub that takes over when it is told digests, unless something changed meanwhile. */
  function adopting(changed = false): void {
    hub({ '/v1/adoptions/default': { items: [preview] } });
    const asked = globalThis.fetch;
    globalThis.fetch = async (input, init) => {
      const reply = await asked(input, init);
      const digests: unknown = Reflect.get(Object(sent.at(-1)?.body), 'digests');
      if (digests === undefined) return reply;
      return Response.json({ items: [{ ...preview, adopted: !changed }] });
    };
  }

  it('shows before and after, asks, and takes over exactly what it showed', async () => {
    adopting();
    typed = 'y';
    expect(await cli('adopt', 'www.example.com', '--provider', 'cloud')).toBe(0);
    expect(out).toContain('  - www.example.com. 300 A 192.0.2.9\n  + www.example.com. 30 A 192.0.2.1\n');
    expect(out).toContain('made by external-dns:blue: take the hostname out of its sources');
    expect(sent.map(({ path, body }) => [path, body])).toEqual([
      ['/v1/adoptions/default?dryRun=true', { hostname: 'www.example.com.', provider: 'cloud' }],
      [
        '/v1/adoptions/default',
        { hostname: 'www.example.com.', provider: 'cloud', digests: { 'cloud/example.com.': 'd1' } },
      ],
    ]);
  });

  it.each([
    ['the answer is no', 'n'],
    ['nothing is typed', ''],
  ])('takes nothing over when %s', async (_title, answer) => {
    hub({ '/v1/adoptions/default': { items: [preview] } });
    typed = answer;
    expect(await cli('adopt', 'www.example.com')).toBe(1);
    expect(sent.map(({ path }) => path)).toEqual(['/v1/adoptions/default?dryRun=true']);
  });

  it('does not say that it took over what the hub left', async () => {
    adopting(true);
    expect(await cli('adopt', 'www.example.com', '--yes')).toBe(1);
    expect(err).toMatch(/CONFLICT: www\.example\.com\. was not taken over at default\/cloud/);
  });

  it('says of a hostname that is ours that it is, and asks nothing', async () => {
    hub({ '/v1/adoptions/default': { items: [{ ...preview, ours: true, owner: undefined }] } });
    expect(await cli('adopt', 'www.example.com')).toBe(0);
    expect(out).toBe('www.example.com. at default/cloud (zone example.com.): already ours\n');
    expect(sent.map(({ path }) => path)).toEqual(['/v1/adoptions/default?dryRun=true']);
  });

  it('needs --yes where nobody can be asked', async () => {
    adopting();
    expect(await cli('adopt', 'www.example.com')).toBe(1);
    expect(err).toContain('add --yes');
    expect(await cli('adopt', 'www.example.com', '--yes')).toBe(0);
    expect(sent.at(-1)?.path).toBe('/v1/adoptions/default');
  });
});

describe('explain', () => {
  const report = {
    hostname: 'www.example.com.',
    provider: 'default/cloud',
    zone: 'example.com.',
    outcome: 'refused',
    features: [
      { feature: 'geo', handling: 'refused', detail: 'it has no countries', fix: 'Accept it, or delegate.' },
    ],
    hubDown: 'what is there stays',
  };
  const policy = {
    apiVersion: 'portolan.dev/v1alpha1',
    kind: 'TrafficPolicy',
    metadata: {
      namespace: 'shop',
      name: 'www',
      uid: 'u',
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
      finalizers: [],
      labels: {},
      annotations: {},
    },
    spec: {
      hostnames: ['www.example.com.', 'api.example.com.'],
      endpoints: [{ name: 'a', cluster: 'eu' }],
      routing: { default: { tiers: [{ members: [{ endpoint: 'a' }] }] } },
    },
  };

  it('says of a hostname what each provider makes of it; 1 when it is refused', async () => {
    hub({
      '/apis/portolan.dev/v1alpha1/trafficpolicies': {
        apiVersion: 'portolan.dev/v1alpha1',
        kind: 'TrafficPolicyList',
        metadata: { resourceVersion: '1' },
        items: [policy],
      },
      '/v1/policies/shop/www/reports': {
        items: [report, { ...report, hostname: 'api.example.com.', outcome: 'computed' }],
      },
    });
    expect(await cli('explain', 'WWW.example.com')).toBe(1);
    expect(out).toContain('www.example.com. at default/cloud (zone example.com.): refused');
    expect(out).toContain('fix: Accept it, or delegate.');
    expect(out).not.toContain('api.example.com');
  });

  it('says of the origin of a Zone, or of a Zone by its name, where it is delegated', async () => {
    const { metadata } = policy;
    const zone = {
      apiVersion: 'portolan.dev/v1alpha1',
      kind: 'Zone',
      metadata: { ...metadata, name: 'geo' },
      spec: {
        origin: 'geo.example.com.',
        nameServers: [{ name: 'ns1.example.net.', addresses: [] }],
      },
    };
    const list = (kind: string, items: readonly object[]) => ({
      apiVersion: 'portolan.dev/v1alpha1',
      kind: `${kind}List`,
      metadata: { resourceVersion: '1' },
      items,
    });
    hub({
      '/apis/portolan.dev/v1alpha1/trafficpolicies': list('TrafficPolicy', [policy]),
      '/apis/portolan.dev/v1alpha1/zones': list('Zone', [zone]),
      '/v1/zones/shop/geo/reports': {
        items: [{ ...report, hostname: 'geo.example.com.', outcome: 'delegated', features: [] }],
      },
    });
    const told =
      'geo.example.com. at default/cloud (zone example.com.): delegated to the embedded name servers';
    expect(await cli('explain', 'geo.example.com')).toBe(0);
    expect(out).toContain(told);
    out = '';
    expect(await cli('explain', 'zone', 'geo', '-n', 'shop')).toBe(0);
    expect(out).toContain(told);
    err = '';
    expect(await cli('explain', 'other.example.com')).toBe(1);
    expect(err).toMatch(/NOT_FOUND.*other\.example\.com/);
  });

  it('says so when only the embedded servers answer a policy', async () => {
    hub({
      '/apis/portolan.dev/v1alpha1/namespaces/shop/trafficpolicies/www': policy,
      '/v1/policies/shop/www/reports': { items: [] },
    });
    expect(await cli('explain', 'policy', 'www', '-n', 'shop')).toBe(0);
    expect(err).toContain('embedded name servers');
  });
});

describe('zone list, export and import at a provider', () => {
  const content = {
    origin: 'example.com.',
    records: [
      {
        name: 'example.com.',
        type: 'SOA',
        setId: '',
        ttlSeconds: 900,
        values: ['ns1.example.net. hostmaster.example.net. 1 7200 900 1209600 300'],
      },
      { name: 'example.com.', type: 'NS', setId: '', ttlSeconds: 3600, values: ['ns1.example.net.'] },
      { name: 'www.example.com.', type: 'A', setId: '', ttlSeconds: 60, values: ['192.0.2.1', '192.0.2.2'] },
      { name: 'eu.example.com.', type: 'A', setId: '', values: [], native: '{"alias":"x"}' },
      { name: 'w.example.com.', type: 'A', setId: 'a', ttlSeconds: 60, values: ['192.0.2.1'] },
      { name: 'lua.example.com.', type: 'LUA', setId: '', ttlSeconds: 60, values: ['A "x"'] },
      {
        name: 'ours.example.com.',
        type: 'A',
        setId: '',
        ttlSeconds: 60,
        values: ['192.0.2.5'],
        owner: 'this',
      },
      {
        name: 'www._owner._portolan.example.com.',
        type: 'TXT',
        setId: '',
        ttlSeconds: 300,
        values: ['"heritage=portolan"'],
      },
      {
        name: 'hub._fence._portolan.example.com.',
        type: 'TXT',
        setId: '',
        ttlSeconds: 300,
        values: ['"epoch=1"'],
      },
      {
        name: 'eu.www._pool._portolan.example.com.',
        type: 'A',
        setId: '',
        ttlSeconds: 30,
        values: ['192.0.2.1'],
      },
    ],
  };

  it('lists every zone that the account sees', async () => {
    hub({
      [`${CLOUD}/zones`]: {
        items: [
          {
            origin: 'example.com.',
            id: 'Z1',
            private: false,
            nameServers: ['ns1.example.net.'],
            configured: true,
          },
        ],
      },
    });
    expect(await cli('zone', 'list', '--provider', 'cloud')).toBe(0);
    expect(out).toMatch(/^ORIGIN +ID .*\nexample\.com\. +Z1 +no +yes +ns1\.example\.net\.\n$/);
  });

  it('exports plain records as a zone file, what has no form there as comments, and no marker', async () => {
    hub({ [`${CLOUD}/content`]: content });
    expect(await cli('zone', 'export', 'example.com', '--provider', 'cloud')).toBe(0);
    expect(out).toContain('$ORIGIN example.com.\n');
    expect(out).toMatch(/^www +60 IN A 192\.0\.2\.1\n +60 IN A 192\.0\.2\.2$/m);
    expect(out).toContain('; eu.example.com. A is not in this file: the provider routes it: {"alias":"x"}\n');
    expect(out).toContain('; w.example.com. A is not in this file: one of several sets (a)\n');
    expect(out).toContain('; lua.example.com. LUA is not in this file');
    expect(out).not.toContain('heritage');
    expect(out).toContain(
      '; Left out below _portolan.example.com.: 2 sets that say what is whose (markers and the fence), 1 set of pools of routed names\n',
    );
    expect(await cli('zone', 'export', 'example.com', '--provider', 'cloud', '--fallback')).toBe(1);
  });

  it('imports the plain records as a Zone, and says what it leaves out', async () => {
    hub({
      [`${CLOUD}/content`]: content,
      '/apis/portolan.dev/v1alpha1/zones': {
        apiVersion: 'portolan.dev/v1alpha1',
        kind: 'ZoneList',
        metadata: { resourceVersion: '1' },
        items: [],
      },
      '/v1/apply': { revision: 1, documents: [], objects: [], warnings: [] },
    });
    expect(await cli('zone', 'import', 'example.com', '--provider', 'cloud', '--dry-run', '-o', 'json')).toBe(
      0,
    );
    expect(JSON.parse(out)).toMatchObject({
      kind: 'Zone',
      spec: { origin: 'example.com.', records: [{ name: 'www', type: 'A', ttlSeconds: 60 }] },
    });
    expect(err).toContain('left out (3): what only the provider has');
    expect(err).toContain('left out (1): what this hub published there');
    expect(JSON.parse(out)).toMatchObject({ spec: { records: { length: 1 } } });
    expect(await cli('zone', 'import', 'example.com', '--provider', 'cloud', '--file', 'x')).toBe(1);
    expect(err).toContain('one of --file, --axfr and --provider');
  });
});
