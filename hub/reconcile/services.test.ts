import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import { parseJoinToken } from '../../src/identity/join-token.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import { idleCertificateServices } from '../api/fixture-certificates.ts';
import { idleDnsServices } from '../api/fixture-dns.ts';
import { idleKeyServices } from '../api/fixture-keys.ts';
import { idleQuotaServices } from '../api/fixture-quota.ts';
import { idleSourceServices } from '../api/fixture-sources.ts';
import type { ChangeContext, HubServices } from '../api/services.ts';
import type { Key } from '../store/contract.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { startTestEngine, type TestEngine } from './engine-fixture.ts';
import { createPlaceFinder } from './places.ts';
import { createServices } from './services.ts';
import { CONTEXT, cluster, document, policy, update, zone } from './testing.ts';

let at: TestEngine;
let services: HubServices;
let cut: string[];

const noSigning = {
  roll: () => Promise.reject(new Error('not asked here')),
  confirmDs: () => Promise.reject(new Error('not asked here')),
  leaveBehind: () => Promise.reject(new Error('not asked here')),
};
const actor = { id: 'token/t', display: 'tester' };
const plain: ChangeContext = { actor, dryRun: false, force: false };
const dry: ChangeContext = { ...plain, dryRun: true };
const key = (name: string): Key<'Cluster'> => ({ kind: 'Cluster', namespace: 'default', name });
const notAsked = {
  status: () => {
    throw new Error('not asked here');
  },
  stage: () => Promise.reject(new Error('not asked here')),
  activate: () => Promise.reject(new Error('not asked here')),
  rollback: () => Promise.reject(new Error('not asked here')),
};
const objects = [
  cluster('de', 'DE', '198.51.100.1'),
  cluster('fr', 'FR', '198.51.100.2'),
  zone('example', 'example.com', [
    { name: '@', type: 'MX', data: ['10 mail.example.net.'] },
    { name: '@', type: 'TXT', data: ['"hello"'] },
    { name: 'alias', type: 'CNAME', data: ['www.example.com.'] },
    { name: '@', type: 'CAA', data: ['0 issue "ca.example.net"'] },
    { name: '_sip._tcp', type: 'SRV', data: ['1 2 5060 www.example.com.'] },
    { name: 'shop', type: 'NS', data: ['ns.elsewhere.example.net.'] },
  ]),
  policy('www', ['www.example.com', '*.apps.example.com'], ['de', 'fr']),
];

beforeEach(async () => {
  at = await startTestEngine();
  cut = [];
  services = await createServices({
    store: at.store,
    engine: at.engine,
    drills: {
      start: () => Promise.reject(new Error('not asked here')),
      abort: () => Promise.reject(new Error('not asked here')),
    },
    zoneSigning: noSigning,
    context: CONTEXT,
    geo: at.geo,
    geoUpdates: notAsked,
    places: createPlaceFinder(() => at.geo),
    version: '1.2.3',
    joinUrls: () => ['https://hub.example:7461'],
    caSpkiSha256: ['a'.repeat(64)],
    nameServers: () => ['127.0.0.1:8053'],
    answersDns: () => true,
    cutAgent: (uid) => void cut.push(uid),
    metrics: () => Promise.resolve(''),
    dns: idleDnsServices,
    gateways: { explainRoute: async () => [], caCertificate: async () => '' },
    keys: idleKeyServices(),
    inventories: { inventory: () => undefined },
    quota: idleQuotaServices(),
    certificates: idleCertificateServices(),
    sources: idleSourceServices(),
    stopping: () => false,
    wallMs: at.wallMs,
    randomBytes,
  });
  await at.caughtUp(await at.put(...objects));
  await at.quiet();
});
afterEach(() => at.close());

const drains = async (): Promise<readonly Resource<'Drain'>[]> =>
  (await at.store.list({ kind: 'Drain' })).items.flatMap((d) => (d.kind === 'Drain' ? [d] : []));

describe('a cluster', () => {
  it('gets a join token that names it, the hub and its CA', async () => {
    const made = await services.clusterToken(key('de'), { ttlSeconds: 600, actor });
    const token = parseJoinToken(made.token);
    expect(token).toMatchObject({
      cluster: { namespace: 'default', name: 'de' },
      urls: ['https://hub.example:7461'],
    });
    expect(Date.parse(made.expiresAt)).toBe(at.wallMs() + 600_000);
    expect(made.command).toContain(made.token);
    await expect(services.clusterToken(key('no'), { ttlSeconds: 600, actor })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  it('is drained, drained again with an end, and given back', async () => {
    await at.settle(services.drain(key('de'), { ...plain, reason: 'kernel' }));
    await at.caughtUp((await at.store.list()).revision);
    expect(at.engine.health.isDrained('default/de')).toBe(true);
    expect(at.answers('www.example.com')).toEqual(['198.51.100.2']);
    const expiresAt = new Date(at.wallMs() + 3_600_000).toISOString();
    await at.settle(services.drain(key('de'), { ...plain, expiresAt }));
    expect((await drains()).map((d) => d.spec)).toEqual([{ cluster: 'de', reason: '', expiresAt }]);
    await at.settle(services.undrain(key('de'), plain));
    expect(await drains()).toEqual([]);
    expect((await at.settle(services.undrain(key('de'), plain))).message).toContain('was not draining');
    await at.caughtUp((await at.store.list()).revision);
    expect(at.engine.health.isDrained('default/de')).toBe(false);
  });

  it('is not drained for a time that is over, nor by taking over the Drain of another one', async () => {
    const expiresAt = new Date(at.wallMs() - 1).toISOString();
    await expect(services.drain(key('de'), { ...plain, expiresAt })).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      violations: [{ path: 'expiresAt' }],
    });
    await at.caughtUp(
      await at.put(cluster('us', 'US', '198.51.100.3'), document('Drain', 'de', { cluster: 'us' })),
    );
    await at.settle(services.drain(key('de'), plain));
    expect((await drains()).map((d) => d.spec.cluster).sort()).toEqual(['de', 'us']);
  });

  it('that serves last is drained only by force, which the audit log shows', async () => {
    await at.settle(services.drain(key('de'), plain));
    await expect(at.settle(services.drain(key('fr'), plain))).rejects.toMatchObject({
      code: 'LAST_CAPACITY',
      fix: expect.stringContaining('--force') as unknown,
    });
    const forced = { ...plain, force: true, reason: 'test' };
    const result = await at.settle(services.drain(key('fr'), forced));
    expect(result.warnings[0]).toMatch(/^forced: /);
    const audit = await at.store.audit({ limit: 1000 });
    expect(audit.filter((a) => a.verb === 'cluster.drain').map((a) => a.reason)).toEqual([
      undefined,
      'forced: test',
    ]);
  });

  it('is removed with its agent and its drains, once nobody uses it', async () => {
    const agentUid = await at.join('us');
    await expect(at.settle(services.remove(key('de'), plain))).rejects.toMatchObject({ code: 'IN_USE' });
    await at.settle(services.drain(key('us'), plain));
    expect((await at.settle(services.remove(key('us'), dry))).message).toContain('would be removed');
    expect(cut).toEqual([]);
    await at.settle(services.remove(key('us'), plain));
    expect(cut).toEqual([agentUid]);
    expect((await at.store.agent(agentUid))?.revoked).toBe(true);
    expect(at.engine.agents.get(agentUid)).toBeUndefined();
    expect(await at.store.get(key('us'))).toBeUndefined();
    expect(await drains()).toEqual([]);
  });

  it('on which a drill runs is not removed under it', async () => {
    await at.caughtUp(
      await at.put(
        cluster('us', 'US', '198.51.100.3'),
        document('Drill', 'd', { action: 'drain', cluster: 'us' }),
      ),
    );
    const { revision } = await at.store.commit(
      [
        {
          type: 'status',
          key: { kind: 'Drill', namespace: 'default', name: 'd' },
          status: { conditions: [], phase: 'Running', timeline: [] },
        },
      ],
      { actor },
    );
    await at.caughtUp(revision);
    await expect(at.settle(services.remove(key('us'), plain))).rejects.toMatchObject({
      code: 'DRILL_ACTIVE',
    });
  });
});

describe('what is only tried', () => {
  it('leaves nothing: no object, no audit row, no charge of the budget', async () => {
    const before = [
      await at.store.list(),
      await at.store.audit({ limit: 10_000 }),
      await at.store.getMeta('plan/budget'),
    ];
    const www = objects[3];
    if (www === undefined) throw new Error('no policy');
    const smaller = policy('www', ['www.example.com', '*.apps.example.com'], ['de']);
    await at.settle(services.drain(key('de'), dry));
    await at.settle(services.undrain(key('de'), dry));
    await at.settle(services.admit([update(smaller, www)], dry));
    await at.settle(services.planAnswers([update(smaller, www)]));
    await at.settle(services.drillPlan({ namespace: 'default', spec: DRILL }));
    expect([
      await at.store.list(),
      await at.store.audit({ limit: 10_000 }),
      await at.store.getMeta('plan/budget'),
    ]).toEqual(before);
    await at.settle(services.admit([update(smaller, www)], plain));
    expect(await at.store.getMeta('plan/budget')).toContain('www.example.com.');
  });

  it('shows who gets something else, in how many places it was compared', async () => {
    const www = objects[3];
    if (www === undefined) throw new Error('no policy');
    const smaller = policy('www', ['www.example.com', '*.apps.example.com'], ['de']);
    const { changes, compared } = await at.settle(services.planAnswers([update(smaller, www)]));
    expect(changes.map((c) => c.hostname)).toEqual(['*.apps.example.com.', 'www.example.com.']);
    expect(changes[0]?.after).toEqual([{ endpoint: 'de', cluster: 'default/de', percent: 100 }]);
    expect(compared).toEqual({ hostnames: 2, places: changes[0]?.places.length });
  });

  it('an old budget is forgotten, a recent one outlives a restart', async () => {
    const history = (atMs: number) => [{ atMs, capacity: 1, endpoints: 1 }];
    await at.store.putMeta(
      'plan/budget',
      JSON.stringify({
        'old.example.': history(at.wallMs() - 400_000),
        'www.example.com.': history(at.wallMs() - 1_000),
      }),
    );
    const again = await restarted();
    const www = objects[3];
    if (www === undefined) throw new Error('no policy');
    const smaller = policy('www', ['www.example.com', '*.apps.example.com'], ['de']);
    const admission = await at.settle(again.admit([update(smaller, www)], plain));
    // One more within five minutes: refused for www, where one was removed before.
    expect(admission).toMatchObject({ ok: false, violations: [{ code: 'CHANGE_BUDGET_EXCEEDED' }] });
    const wild = policy('www', ['*.apps.example.com'], ['de']);
    await at.settle(again.admit([update(wild, www)], plain));
    const kept = JSON.parse((await at.store.getMeta('plan/budget')) ?? '{}') as object;
    expect(Object.keys(kept).sort()).toEqual(['*.apps.example.com.', 'www.example.com.']);
  });
});

const PROBER = {
  probes: { ok: 5, failed: 1, unable: 0, stalled: 0 },
  injected: 0,
  scheduled: 6,
  confirms: 1,
  confirmsRefused: 0,
  missedRunning: 0,
  missedWaiting: 0,
  targets: 2,
  inFlight: 0,
  queued: 0,
  confirmTokens: 1,
  overloaded: false,
};
const DRILL = {
  action: 'drain' as const,
  cluster: 'de',
  durationSeconds: 60,
  countries: [],
  guards: { minCapacityPercent: 30, maxErrorRatePercent: 5 },
};

const restarted = (): Promise<HubServices> =>
  createServices({
    store: at.store,
    engine: at.engine,
    drills: { start: () => Promise.reject(new Error()), abort: () => Promise.reject(new Error()) },
    zoneSigning: noSigning,
    context: CONTEXT,
    geo: at.geo,
    geoUpdates: notAsked,
    places: createPlaceFinder(() => at.geo),
    version: '1.2.3',
    joinUrls: () => [],
    caSpkiSha256: [],
    nameServers: () => [],
    answersDns: () => true,
    cutAgent: () => undefined,
    metrics: () => Promise.resolve(''),
    dns: idleDnsServices,
    gateways: { explainRoute: async () => [], caCertificate: async () => '' },
    keys: idleKeyServices(),
    inventories: { inventory: () => undefined },
    quota: idleQuotaServices(),
    certificates: idleCertificateServices(),
    sources: idleSourceServices(),
    stopping: () => true,
    wallMs: at.wallMs,
    randomBytes,
  });

describe('resolve', () => {
  it.each([
    ['www.example.com', 'A', 'NOERROR', /^198\.51\.100\.[12]$/],
    ['www.example.com', 'AAAA', 'NOERROR', undefined],
    ['any.apps.example.com', 'A', 'NOERROR', /^198\.51\.100\.[12]$/],
    ['example.com', 'MX', 'NOERROR', /^10 mail\.example\.net\.$/],
    ['example.com', 'TXT', 'NOERROR', /hello/],
    ['example.com', 'CAA', 'NOERROR', /issue/],
    ['example.com', 'NS', 'NOERROR', /^ns\.example\.com\.$/],
    ['example.com', 'SOA', 'NOERROR', /hostmaster/],
    ['_sip._tcp.example.com', 'SRV', 'NOERROR', /5060/],
    ['alias.example.com', 'CNAME', 'NOERROR', /^www\.example\.com\.$/],
    ['nothing.example.com', 'A', 'NXDOMAIN', undefined],
    ['elsewhere.example.net', 'A', 'REFUSED', undefined],
  ] as const)('says of %s %s what DNS says: %s', async (name, type, rcode, data) => {
    const result = await at.settle(
      services.resolve({ hostname: parseName(name), type, from: { kind: 'client', address: '192.0.2.1' } }),
    );
    expect(result.rcode).toBe(rcode);
    expect(result.sequence).toBe(at.engine.published?.sequence);
    if (data === undefined) expect(result.answers).toEqual([]);
    else expect(result.answers.at(-1)?.data).toMatch(data);
    if (type === 'A') expect(result.answers.map((a) => a.data)).toHaveLength(at.answers(name).length);
    expect(result.explanation.length).toBeGreaterThan(0);
  });

  it('answers also while nothing can be published', async () => {
    const { PortolanError } = await import('../../src/errors/error.ts');
    at.fail('increment', new PortolanError('DISK_FULL', 'no room'));
    await at.put(policy('more', ['more.example.com'], ['de']));
    const result = await at.settle(
      services.resolve({ hostname: parseName('www.example.com'), type: 'A', from: { kind: 'unknown' } }),
    );
    expect(result.answers).toHaveLength(1);
    await expect(at.settle(services.admit([], plain))).rejects.toMatchObject({ code: 'DISK_FULL' });
  });
});

describe('what the hub tells of itself', () => {
  it('status names targets with who uses them, and agents', async () => {
    const uid = await at.join('us');
    const status = await services.status();
    expect(status.hub).toMatchObject({ version: '1.2.3', sequence: at.engine.published?.sequence });
    expect(status.agents.map((a) => a.uid)).toEqual([uid]);
    expect(status.targets.flatMap((t) => t.usedBy).sort()).toEqual(['default/www/de', 'default/www/fr']);
  });

  it('is ready with a store that answers, and not while it stops', async () => {
    expect(await services.ready()).toEqual({ ready: true, reasons: [] });
    expect(await (await restarted()).ready()).toEqual({ ready: false, reasons: ['stopping'] });
  });

  it('metrics are Prometheus text: every sample has its HELP and TYPE, a number, and escaped labels', async () => {
    const metrics = createMetrics({
      engine: at.engine,
      nameServer: () => ({
        families: [
          {
            name: 'portolan_dns_responses_total',
            help: 'Responses.',
            type: 'counter',
            samples: [{ labels: { zone: 'example.com.', transport: 'udp', rcode: 'NOERROR' }, value: 3 }],
          },
        ],
      }),
      prober: () => PROBER,
      activeDrills: () => at.effects.all.length,
      signedZones: () => new Map(),
      version: '1.2.3',
    });
    await at.join('us');
    const text = await metrics.text();
    const described = new Set<string>();
    for (const line of text.split('\n').filter((l) => l !== '')) {
      const head = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) .+$/.exec(line);
      if (head !== null) {
        if (head[1] === 'TYPE') described.add(head[2] ?? '');
        continue;
      }
      // "Nan" is how prom-client writes it; Prometheus reads any case (Go's ParseFloat).
      const sample =
        /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-zA-Z_][a-zA-Z0-9_]*="(\\\\|\\"|\\n|[^"\\\n])*",?)*\})? (NaN|Nan|[+-]Inf|-?[0-9.]+(e[+-]?[0-9]+)?)$/.exec(
          line,
        );
      expect(sample, line).not.toBeNull();
      const family = (sample?.[1] ?? '').replace(/_(bucket|sum|count)$/, '');
      expect(described.has(family) || described.has(sample?.[1] ?? ''), line).toBe(true);
    }
    expect(text).toContain('portolan_targets{namespace="default",cluster="de",state="');
    expect(text).toContain(
      'portolan_dns_responses_total{zone="example.com.",transport="udp",rcode="NOERROR"} 3',
    );
    expect(text).toContain('portolan_agent_connected{namespace="default",cluster="us"} 0');
  });
});
