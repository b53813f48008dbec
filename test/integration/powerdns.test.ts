import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { systemProviderClock } from '../../hub/providers/clock.ts';
import type { Provider, ProviderOptions } from '../../providers/contract.ts';
import { powerdns } from '../../providers/powerdns/provider.ts';
import { parseName } from '../../src/dns/name.ts';
import type { Placement } from '../../src/plan/placement.ts';
import { type RecordSet, type SetChange, setKey } from '../../src/plan/record-set.ts';
import { checkSpec } from '../../src/resources/health-check.ts';
import { COUNTRIES } from '../../src/routing/countries.ts';
import { type RunningPowerDns, runPowerDns } from '../conformance/providers/powerdns.ts';
import { containing } from '../support/matchers.ts';
import { requireServer } from '../support/servers.ts';

const SUITE = 'PowerDNS by its API';
const pdns = await requireServer('pdnsSqlite', SUITE);
const geoip = await requireServer('pdnsGeoip', SUITE);

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

async function serve(lua = false): Promise<RunningPowerDns> {
  const running = await runPowerDns(lua);
  cleanUp.push(() => running.close());
  return running;
}

async function open(running: RunningPowerDns, overrides: Partial<ProviderOptions> = {}): Promise<Provider> {
  const provider = await running.open(overrides);
  cleanUp.push(() => provider.close());
  return provider;
}

const soon = (): AbortSignal => AbortSignal.timeout(30_000);
const set = (label: string, type: string, values: readonly string[], ttlSeconds = 60): RecordSet => ({
  name: parseName(`${label}.pdns.example`),
  type,
  setId: '',
  ttlSeconds,
  values,
});
const luaSet = (label: string, content: string): RecordSet => ({
  ...set(label, 'LUA', []),
  native: { lua: [content] },
});

async function send(
  running: RunningPowerDns,
  provider: Provider,
  changes: readonly SetChange[],
): Promise<void> {
  const [first] = changes;
  const groups = first === undefined ? [] : [{ name: (first.after ?? first.before).name, changes }];
  await provider.apply(running.zone, { groups, tokens: new Map() }, soon());
}

async function found(running: RunningPowerDns, provider: Provider, wanted: RecordSet) {
  const { sets } = await provider.read(running.zone, soon());
  return sets.find((candidate) => setKey(candidate) === setKey(wanted));
}

async function answers(running: RunningPowerDns, label: string, type: string, net?: readonly number[]) {
  if ('why' in running.ask) throw new Error(running.ask.why);
  const from =
    net === undefined
      ? undefined
      : ({ family: 4, bytes: Uint8Array.from([...net, 0]), prefixLength: 24, source: 'ecs' } as const);
  const reply = await running.ask(parseName(`${label}.pdns.example`), type, from);
  return reply.answers.map(({ data }) => data).sort();
}

describe.skipIf(!pdns.available)('PowerDNS', () => {
  it('applies nothing of a PATCH when it refuses one set of it', async () => {
    const running = await serve();
    const provider = await open(running);
    const good = set('good', 'A', ['192.0.2.1']);
    // Nothing we check ourselves: PowerDNS alone knows that a CNAME is there.
    const alias = set('alias', 'CNAME', ['x.example.net.']);
    await running.writeForeign(alias);
    await expect(
      send(running, provider, [{ after: good }, { after: set('alias', 'A', ['192.0.2.2']) }]),
    ).rejects.toMatchObject({ failure: 'invalid', group: alias.name });
    expect(await found(running, provider, good)).toBeUndefined();
    expect(await found(running, provider, alias)).toEqual(alias);
  });

  it('I2 does not send what a hub decided before it paused: it reads again, and finds the other hub’s change', async () => {
    const running = await serve();
    let now = 0;
    let pause: (() => Promise<void>) | undefined;
    const provider = await open(running, {
      clock: { ...systemProviderClock, monotonicMs: () => now },
      turn: async (action) => {
        if (action !== 'PatchZone') return;
        await pause?.();
        pause = undefined;
      },
    });
    const ours = set('www', 'A', ['192.0.2.1']);
    await send(running, provider, [{ after: ours }]);
    const theirs = set('www', 'A', ['192.0.2.66']);
    pause = async () => {
      now += 60_000;
      await running.writeForeign(theirs);
    };
    await expect(
      send(running, provider, [{ before: ours, after: set('www', 'A', ['192.0.2.2']) }]),
    ).rejects.toMatchObject({ failure: 'conflict' });
    expect(await found(running, provider, ours)).toEqual(theirs);
  });

  it('I2 tells a hub that its change was overwritten as soon as it was made', async () => {
    const running = await serve();
    const provider = await open(running);
    const www = set('www', 'A', ['192.0.2.1']);
    let reads = 0;
    const slow = await open(running, {
      turn: async (action) => {
        if (action !== 'GetZone') return;
        reads += 1;
        if (reads === 2) await running.writeForeign(set('www', 'A', ['192.0.2.66']));
      },
    });
    await expect(send(running, slow, [{ after: www }])).rejects.toMatchObject({ failure: 'ambiguous' });
    expect((await found(running, provider, www))?.values).toEqual(['192.0.2.66']);
  });

  it('leaves whole sets only when several hubs write the same one at once', async () => {
    const running = await serve();
    const writers = await Promise.all(Array.from({ length: 8 }, () => open(running)));
    // In the order of a set that was read.
    const pairOf = (i: number) => [`192.0.2.10${i}`, `192.0.2.2${i}`];
    const outcomes = await Promise.allSettled(
      writers.map((writer, i) => send(running, writer, [{ after: set('www', 'A', pairOf(i)) }])),
    );
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected')
        expect(['conflict', 'ambiguous']).toContain((outcome.reason as { failure?: string }).failure);
    }
    const [first] = writers;
    if (first === undefined) throw new Error('no writer');
    const left = (await found(running, first, set('www', 'A', [])))?.values ?? [];
    expect(writers.map((_, i) => pairOf(i))).toContainEqual(left);
  });

  it('says that a change may have been made when its answer is lost, and it was', async () => {
    const running = await serve();
    const provider = await open(running);
    const www = set('www', 'A', ['192.0.2.1']);
    running.relay.loseNextAnswer();
    await expect(send(running, provider, [{ after: www }])).rejects.toMatchObject({ failure: 'ambiguous' });
    expect(await found(running, provider, www)).toEqual(www);
  });

  it('refuses to write a secondary zone, and says how to make it a primary one', async () => {
    const running = await serve();
    const provider = await open(running);
    await running.pdns.pdnsutil('set-kind', 'pdns.example', 'slave');
    await expect(send(running, provider, [{ after: set('www', 'A', ['192.0.2.1']) }])).rejects.toMatchObject({
      failure: 'unsupported',
      fix: containing('pdnsutil set-kind pdns.example native'),
    });
    const findings = await provider.check([running.zone], soon());
    expect(findings.filter(({ ok }) => !ok)).toMatchObject([{ fix: containing('set-kind') }]);
  });

  it('writes zones that PowerDNS signs, and shows nothing of the signing', async () => {
    const running = await serve();
    const provider = await open(running);
    await running.pdns.pdnsutil('secure-zone', 'pdns.example');
    const www = set('www', 'A', ['192.0.2.1']);
    await send(running, provider, [{ after: www }]);
    const { sets } = await provider.read(running.zone, soon());
    expect([...new Set(sets.map(({ type }) => type))].sort()).toEqual(['A', 'NS', 'SOA']);
    expect(await answers(running, 'www', 'A')).toEqual(['192.0.2.1']);
    expect(await answers(running, 'nothing-here', 'A')).toEqual([]);
  });

  it('keeps comments and sees records that are switched off', async () => {
    const running = await serve();
    const provider = await open(running);
    const api = `${running.pdns.url}/api/v1/servers/localhost/zones/pdns.example.`;
    const headers = { 'X-API-Key': 'conformance-api-key' };
    const rrset = {
      name: 'www.pdns.example.',
      type: 'A',
      ttl: 60,
      changetype: 'REPLACE',
      comments: [{ content: 'asked for by somebody', account: 'somebody' }],
    };
    const records = [
      { content: '192.0.2.1', disabled: false },
      { content: '192.0.2.2', disabled: true },
    ];
    const made = await fetch(api, {
      method: 'PATCH',
      headers,
      body: JSON.stringify({ rrsets: [{ ...rrset, records }] }),
    });
    expect(made.status).toBe(204);
    const before = await found(running, provider, set('www', 'A', []));
    expect(before).toEqual({ ...set('www', 'A', ['192.0.2.1']), native: { disabled: ['192.0.2.2'] } });
    if (before === undefined) return;
    await send(running, provider, [{ before, after: set('www', 'A', ['192.0.2.3']) }]);
    const whole = await (await fetch(api, { headers })).text();
    expect(whole).toContain('asked for by somebody');
  });

  it('names the setting when LUA records are wanted but not switched on', async () => {
    const running = await serve();
    const { powerdns: account } = running.spec;
    if (account === undefined) throw new Error('no account');
    const provider = await open(running, { spec: { ...running.spec, powerdns: { ...account, lua: true } } });
    const findings = await provider.check([running.zone], soon());
    expect(findings.filter(({ ok }) => !ok)).toMatchObject([
      { subject: 'LUA records', fix: containing('enable-lua-records=yes') },
    ]);
    // PowerDNS would take the record in the place of the addresses, and answer NXDOMAIN.
    const routed = luaSet('www', `A ";return {'192.0.2.2'}"`);
    await expect(send(running, provider, [{ after: routed }])).rejects.toMatchObject({
      failure: 'unsupported',
      group: routed.name,
    });
    expect(await found(running, provider, routed)).toBeUndefined();
  });
});

describe.skipIf(!pdns.available || !geoip.available)('LUA records of PowerDNS', () => {
  it('take the place of addresses, and addresses theirs, in one PATCH each', async () => {
    const running = await serve(true);
    const provider = await open(running);
    const plain = set('www', 'A', ['192.0.2.1']);
    const routed = luaSet('www', `A ";return {'192.0.2.2'}"`);
    await send(running, provider, [{ after: plain }]);
    await send(running, provider, [{ after: routed }, { before: plain }]);
    expect(await found(running, provider, routed)).toEqual(routed);
    expect(await found(running, provider, plain)).toBeUndefined();
    expect(await answers(running, 'www', 'A')).toEqual(['192.0.2.2']);
    await send(running, provider, [{ after: plain }, { before: routed }]);
    expect(await answers(running, 'www', 'A')).toEqual(['192.0.2.1']);
  });

  it('answer by subdivision before country, and NODATA where nobody is to be answered', async () => {
    const running = await serve(true);
    const provider = await open(running);
    const group = (id: string, places: readonly string[], address: string) => ({
      id,
      places,
      tiers: [
        { members: [{ endpoint: id, cluster: `ns/${id}`, weight: 1, values: [address], targets: [] }] },
      ],
    });
    const placement: Placement = {
      hostname: parseName('www.pdns.example'),
      policy: 'ns/www',
      ttlSeconds: 60,
      decider: 'portolan',
      types: [
        {
          type: 'A',
          groups: [
            group('rest', ['unknown', 'FR', 'US'], '192.0.2.1'),
            group('california', ['US-CA'], '192.0.2.2'),
            group('germany', ['DE'], '192.0.2.3'),
          ],
        },
      ],
      features: ['geo'],
      accepted: [],
    };
    const { spec, zone } = running;
    const compiled = powerdns.compile({
      placement,
      zone,
      spec,
      poolSuffix: parseName('www._pool._portolan.pdns.example'),
    });
    if (compiled.outcome !== 'native') throw new Error(compiled.features.map(({ detail }) => detail).join());
    await send(
      running,
      provider,
      compiled.sets.map((after) => ({ after })),
    );
    expect(await answers(running, 'www', 'A', [10, 0, 0])).toEqual(['192.0.2.1']);
    expect(await answers(running, 'www', 'A', [8, 8, 8])).toEqual(['192.0.2.1']);
    expect(await answers(running, 'www', 'A', [8, 8, 4])).toEqual(['192.0.2.2']);
    expect(await answers(running, 'www', 'A', [85, 214, 0])).toEqual(['192.0.2.3']);
    // Japan is in no group.
    expect(await answers(running, 'www', 'A', [133, 11, 0])).toEqual([]);
  });

  /** Members of the tiers by their loopback addresses, checked by a URL on `port`. */
  const checkedBy = (
    port: number,
    tiers: readonly (readonly string[])[],
    more: Partial<Placement>,
  ): Placement => ({
    hostname: parseName('www.pdns.example'),
    policy: 'ns/www',
    ttlSeconds: 60,
    decider: 'native',
    types: [
      {
        type: 'A',
        groups: [
          {
            id: 'all',
            places: ['unknown', ...COUNTRIES.keys()],
            tiers: tiers.map((addresses) => ({
              members: addresses.map((address) => ({
                endpoint: address,
                cluster: `ns/${address}`,
                weight: 1,
                values: [address],
                targets: [
                  {
                    id: address,
                    cluster: `ns/${address}`,
                    failureDomain: address,
                    address,
                    port,
                    check: checkSpec.parse({ protocol: 'http', port, path: '/healthz' }),
                    defaultHost: 'www.pdns.example',
                  },
                ],
              })),
            })),
          },
        ],
      },
    ],
    features: ['failover'],
    accepted: [],
    ...more,
  });
  const publish = async (
    running: RunningPowerDns,
    provider: Provider,
    placement: Placement,
  ): Promise<void> => {
    const { spec, zone } = running;
    const poolSuffix = parseName('www._pool._portolan.pdns.example');
    const compiled = powerdns.compile({ placement, zone, spec, poolSuffix });
    if (compiled.outcome !== 'native') throw new Error(compiled.features.map(({ detail }) => detail).join());
    await send(
      running,
      provider,
      compiled.sets.map((after) => ({ after })),
    );
  };

  it('follow a URL: the next tier answers while the first says anything but 200', async () => {
    const running = await serve(true);
    const provider = await open(running);
    const net = `127.${10 + Math.floor(Math.random() * 30)}.${Math.floor(Math.random() * 250)}`;
    const [first, second] = [`${net}.1`, `${net}.2`];
    let status = 200;
    const asked = new Set<string>();
    const backend = createServer((request, response) => {
      asked.add(`${request.headers.host?.split(':')[0]}${request.url}`);
      response.writeHead(request.socket.localAddress === first ? status : 200).end();
    });
    await new Promise<void>((resolve) => backend.listen(0, '0.0.0.0', resolve));
    cleanUp.push(() => new Promise((resolve) => backend.close(() => resolve())));
    await publish(
      running,
      provider,
      checkedBy((backend.address() as AddressInfo).port, [[first], [second]], {}),
    );
    const answered = (address: string) =>
      expect.poll(() => answers(running, 'www', 'A'), { timeout: 20_000, interval: 200 }).toEqual([address]);
    await answered(first);
    await expect.poll(() => [...asked], { timeout: 20_000 }).toEqual(['www.pdns.example/healthz']);
    status = 503;
    await answered(second);
    status = 200;
    await answered(first);
  });

  it('keep a client network at its member when the policy is sticky, and spread networks', async () => {
    const running = await serve(true);
    const provider = await open(running);
    const addresses = ['192.0.2.1', '192.0.2.2', '192.0.2.3'];
    const features = ['weights', 'sticky'] as const;
    await publish(running, provider, checkedBy(443, [addresses], { decider: 'portolan', features }));
    const seen = new Set<string>();
    for (let network = 0; network < 40; network += 1) {
      const all = new Set<string>();
      for (let again = 0; again < 3; again += 1)
        all.add((await answers(running, 'www', 'A', [10, 1, network])).join());
      expect(all.size).toBe(1);
      for (const one of all) seen.add(one);
    }
    expect([...seen].sort()).toEqual(addresses);
  });
});
