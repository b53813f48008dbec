import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { systemProviderClock } from '../../hub/providers/clock.ts';
import type { Provider, ProviderOptions } from '../../providers/contract.ts';
import { type DomainName, parseName } from '../../src/dns/name.ts';
import { type RecordSet, type SetChange, setKey } from '../../src/plan/record-set.ts';
import { type RunningUpdatable, runUpdatable, UPDATE_KEY } from '../conformance/providers/updatable.ts';
import { containing, matching } from '../support/matchers.ts';
import { startUpdatableBind, startUpdatableKnot, type UpdatableOptions } from '../support/primaries.ts';
import { requireServer, type ServerState } from '../support/servers.ts';

const SUITE = 'DNS UPDATE on BIND and Knot';
const named = await requireServer('named', SUITE);
const knotd = await requireServer('knotd', SUITE);
const nsupdate = await requireServer('nsupdate', SUITE);
const available = named.available && knotd.available && nsupdate.available;
const pathOf = (server: ServerState): string => (server.available ? server.path : '');

const POWERLESS = { ...UPDATE_KEY, name: 'powerless' };
const bind = (options: UpdatableOptions) => startUpdatableBind(pathOf(named), options);
const knot = (options: UpdatableOptions) => startUpdatableKnot(pathOf(knotd), options);

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

const soon = (): AbortSignal => AbortSignal.timeout(30_000);
const OTHER_SECRET = Buffer.alloc(32, 7).toString('base64');

interface Server {
  readonly running: RunningUpdatable;
  readonly provider: Provider;
  /** Requests by action since the last time this was called. */
  requests(): Readonly<Record<string, number>>;
}

async function serve(start: typeof bind, more: Partial<UpdatableOptions> = {}): Promise<Server> {
  const running = await runUpdatable(start, pathOf(nsupdate), { powerless: POWERLESS, ...more });
  cleanUp.push(() => running.close());
  const provider = await open(running);
  let last = new Map<string, number>();
  return {
    running,
    provider,
    requests() {
      const now = running.relay.requests();
      const since = [...now].map(([action, count]) => [action, count - (last.get(action) ?? 0)] as const);
      last = new Map(now);
      return Object.fromEntries(since.filter(([, count]) => count > 0));
    },
  };
}

async function open(running: RunningUpdatable, overrides: Partial<ProviderOptions> = {}): Promise<Provider> {
  const provider = await running.open(overrides);
  cleanUp.push(() => provider.close());
  return provider;
}

const name = (label: string): DomainName => parseName(`${label}.update.example`);
const set = (label: string, type: string, values: readonly string[], ttlSeconds = 60): RecordSet => ({
  name: name(label),
  type,
  setId: '',
  ttlSeconds,
  values,
});
const FENCE = 'hub._fence._portolan';
const stamp = (step: number): RecordSet => set(FENCE, 'TXT', [`"1.1.${step}.0123456789abcdef"`]);

function send(
  { running, provider }: Pick<Server, 'running' | 'provider'>,
  changes: readonly SetChange[],
  fence?: SetChange,
) {
  const [first] = changes;
  const groups = first === undefined ? [] : [{ name: (first.after ?? first.before).name, changes }];
  const batch = { groups, tokens: new Map<string, string>(), ...(fence === undefined ? {} : { fence }) };
  return provider.apply(running.zone, batch, soon());
}

async function found({ running, provider }: Server, wanted: Pick<RecordSet, 'name' | 'type' | 'setId'>) {
  const { sets } = await provider.read(running.zone, soon());
  return sets.find((candidate) => setKey(candidate) === setKey(wanted));
}

const denied = (message: string, fix: string) => ({
  name: 'ProviderError',
  failure: 'denied',
  message: containing(message),
  fix: containing(fix),
});

describe.skipIf(!available).each([
  ['BIND', bind, undefined],
  ['BIND that signs at once', bind, 'at-once'],
  ['BIND that signs in the background', bind, 'in-background'],
  ['Knot', knot, undefined],
  ['Knot that signs', knot, 'at-once'],
] as const)('%s', (_, start, signed) => {
  const started = () => serve(start, signed === undefined ? {} : { signed });

  it('lets addresses, a CNAME, another CNAME and addresses again take each other’s place in one message each', async () => {
    const server = await started();
    const steps = [
      set('www', 'A', ['192.0.2.1', '192.0.2.2']),
      set('www', 'CNAME', ['one.example.net.']),
      set('www', 'CNAME', ['two.example.net.']),
      set('www', 'CNAME', ['two.example.net.'], 90),
      set('www', 'AAAA', ['2001:db8::1']),
    ];
    let before: RecordSet | undefined;
    for (const after of steps) {
      const same = before?.type === after.type;
      if (before === undefined) await send(server, [{ after }]);
      else await send(server, same ? [{ before, after }] : [{ before }, { after }]);
      expect(await found(server, after)).toEqual(after);
      if (before !== undefined && !same) expect(await found(server, before)).toBeUndefined();
      before = after;
    }
    expect(server.requests().UPDATE).toBe(steps.length);
  });

  it('changes a TTL alone, and deletes', async () => {
    const server = await started();
    const one = set('www', 'A', ['192.0.2.1'], 60);
    const other = set('www', 'A', ['192.0.2.1'], 30);
    await send(server, [{ after: one }]);
    await send(server, [{ before: one, after: other }]);
    expect(await found(server, one)).toEqual(other);
    await send(server, [{ before: other }]);
    expect(await found(server, one)).toBeUndefined();
  });

  it('does not show what the server makes when it signs', async () => {
    const server = await started();
    await send(server, [{ after: set('www', 'A', ['192.0.2.1']) }]);
    const { sets } = await server.provider.read(server.running.zone, soon());
    expect([...new Set(sets.map(({ type }) => type))].sort()).toEqual(['A', 'NS', 'SOA']);
  });

  it('is read whole once; after that only what changed is sent, and nothing if nothing did', async () => {
    const server = await started();
    const { provider, running } = server;
    await provider.read(running.zone, soon());
    expect(server.requests()).toEqual({ AXFR: 1 });
    const first = await provider.read(running.zone, soon());
    expect(await provider.read(running.zone, soon())).toEqual(first);
    expect(server.requests()).toEqual({ IXFR: 2 });
    const theirs = set('theirs', 'TXT', ['"by somebody else"']);
    await running.writeForeign(theirs);
    await expect.poll(() => found(server, theirs), { timeout: 10_000 }).toEqual(theirs);
    expect(Object.keys(server.requests())).toEqual(['IXFR']);
  });

  it('I2 refuses a hub that paused between its check and its write while another one wrote', async () => {
    const server = await started();
    const { running } = server;
    await send(server, [{ after: set('first', 'A', ['192.0.2.1']) }], { after: stamp(0) });
    const other = await open(running);
    running.relay.beforeNextChange(() =>
      send({ running, provider: other }, [{ after: set('second', 'A', ['192.0.2.2']) }], {
        before: stamp(0),
        after: stamp(1),
      }),
    );
    const late = set('late', 'A', ['192.0.2.3']);
    await expect(
      send(server, [{ after: late }], { before: stamp(0), after: stamp(2) }),
    ).rejects.toMatchObject({ failure: 'conflict' });
    expect(await found(server, late)).toBeUndefined();
    expect(await found(server, stamp(0))).toEqual(stamp(1));
    expect(await found(server, set('second', 'A', []))).toBeDefined();
  });

  it('changes nothing at all when one of many sets is no longer as it was read', async () => {
    const server = await started();
    const sets = Array.from({ length: 20 }, (_none, i) => set(`n${i}`, 'A', [`192.0.2.${i}`]));
    await send(
      server,
      sets.map((after) => ({ after })),
    );
    const theirs = set('n7', 'A', ['192.0.2.77']);
    await server.running.writeForeign(theirs);
    const changes = sets.map((before) => ({ before, after: { ...before, values: ['192.0.2.200'] } }));
    await expect(send(server, changes)).rejects.toMatchObject({ failure: 'conflict' });
    const after = await server.provider.read(server.running.zone, soon());
    expect(after.sets.filter(({ values }) => values.includes('192.0.2.200'))).toEqual([]);
    expect(await found(server, theirs)).toEqual(theirs);
  });
});

describe.skipIf(!available).each([
  ['BIND', bind],
  ['Knot', knot],
] as const)('%s and who may do what', (_, start) => {
  it('says what is wrong with a key that the server does not know, has another secret for, or finds late', async () => {
    const { running } = await serve(start);
    const stranger = await open(running, { secret: { ...UPDATE_KEY, name: 'stranger' } });
    const wrong = await open(running, { secret: { ...UPDATE_KEY, secret: OTHER_SECRET } });
    const late = await open(running, {
      clock: { ...systemProviderClock, wallMs: () => Date.now() - 1_000_000 },
    });
    const change = [{ after: set('www', 'A', ['192.0.2.1']) }];
    await expect(send({ running, provider: stranger }, change)).rejects.toMatchObject(
      denied('does not know the key stranger', 'Give the server the key'),
    );
    await expect(send({ running, provider: wrong }, change)).rejects.toMatchObject(
      denied('another secret for the key portolan', '`secret`'),
    );
    await expect(send({ running, provider: late }, change)).rejects.toMatchObject(
      denied('s behind its own', 'NTP'),
    );
    for (const provider of [stranger, wrong, late]) {
      await expect(provider.read(running.zone, soon())).rejects.toMatchObject({ failure: 'denied' });
      const findings = await provider.check([running.zone], soon());
      expect(findings).toMatchObject([{ ok: false, fix: matching(/.{10}/) }]);
    }
  });

  it('says what to configure for a key that may neither copy nor update', async () => {
    const { running, provider: able } = await serve(start);
    const provider = await open(running, { secret: { ...POWERLESS } });
    await expect(
      send({ running, provider }, [{ after: set('www', 'A', ['192.0.2.1']) }]),
    ).rejects.toMatchObject({
      failure: 'denied',
      fix: containing('grant powerless zonesub ANY'),
    });
    await expect(provider.read(running.zone, soon())).rejects.toMatchObject({
      failure: 'denied',
      fix: containing('allow-transfer'),
    });
    const findings = await provider.check([running.zone], soon());
    const failed = findings.filter(({ ok }) => !ok);
    expect(failed.length).toBeGreaterThan(0);
    for (const { fix } of failed) expect(fix).toContain('key: powerless, action: [update, transfer]');
    const before = (await able.read(running.zone, soon())).sets;
    expect((await able.check([running.zone], soon())).map(({ ok }) => ok)).toEqual([true, true, true]);
    expect((await able.read(running.zone, soon())).sets).toEqual(before);
  });

  it('says that a change may have been made when its answer is lost, and it was', async () => {
    const server = await serve(start);
    const www = set('www', 'A', ['192.0.2.1']);
    server.running.relay.loseNextAnswer();
    await expect(send(server, [{ after: www }])).rejects.toMatchObject({ failure: 'ambiguous' });
    expect(await found(server, www)).toEqual(www);
  });

  it('says the same when the server stands still, and nothing was sent when it cannot be reached', async () => {
    const { running } = await serve(start);
    const short = {
      ...running.spec,
      rfc2136: { ...running.spec.rfc2136, timeoutMs: 2000 },
    } as typeof running.spec;
    const provider = await open(running, { spec: short });
    const change = [{ after: set('www', 'A', ['192.0.2.1']) }];
    running.primary().pause();
    await expect(send({ running, provider }, change)).rejects.toMatchObject({ failure: 'ambiguous' });
    running.primary().resume();
    await running.primary().stop();
    const gone = {
      ...short,
      rfc2136: { ...short.rfc2136, port: running.primary().port },
    } as typeof running.spec;
    const alone = await open(running, { spec: gone });
    await expect(send({ running, provider: alone }, change)).rejects.toMatchObject({ failure: 'transient' });
    await expect(alone.read(running.zone, soon())).rejects.toMatchObject({ failure: 'transient' });
  });

  it('refuses a CNAME beside other records by its name, before anything is sent', async () => {
    const server = await serve(start);
    await send(server, [{ after: set('www', 'A', ['192.0.2.1']) }]);
    server.requests();
    await expect(send(server, [{ after: set('www', 'CNAME', ['x.example.net.']) }])).rejects.toMatchObject({
      failure: 'invalid',
      group: name('www'),
    });
    expect(server.requests()).toEqual({});
  });

  it('never leaves a set out without a word: one that appeared beside a CNAME fails the message', async () => {
    const server = await serve(start);
    await server.provider.read(server.running.zone, soon());
    await server.running.writeForeign(set('www', 'CNAME', ['theirs.example.net.']));
    await expect(send(server, [{ after: set('www', 'A', ['192.0.2.1']) }])).rejects.toMatchObject({
      failure: 'conflict',
    });
    await server.running.writeForeign(set('alias', 'TXT', ['"theirs"']));
    await expect(send(server, [{ after: set('alias', 'CNAME', ['x.example.net.']) }])).rejects.toMatchObject({
      failure: 'conflict',
    });
  });
});

describe.skipIf(!available)('the guide', () => {
  const guide = readFileSync(new URL('../../docs/guides/providers/rfc2136.md', import.meta.url), 'utf8');
  const blocks = [...guide.matchAll(/```[a-z]*\n(.*?)```/gs)].map((match) => match[1] ?? '');
  /** The configuration that holds the text, for the zone and the folder of the test. */
  const shown = (text: string, folder: string): string => {
    const block = blocks.find((candidate) => candidate.includes(text));
    if (block === undefined) throw new Error(`the guide shows no configuration with ${text}`);
    return block
      .replaceAll('example.com', 'update.example')
      .replaceAll(/\/(etc|var\/lib)\/(bind|knot)/g, folder);
  };

  it.each([
    [
      'BIND',
      (options: UpdatableOptions) => {
        const keyFile = `key "portolan" { algorithm hmac-sha256; secret "${UPDATE_KEY.secret}"; };\n`;
        mkdirSync(options.folder, { recursive: true });
        writeFileSync(join(options.folder, 'portolan.key'), keyFile);
        return bind({ ...options, configuration: shown('update-policy', options.folder) });
      },
    ],
    [
      'Knot',
      (options: UpdatableOptions) =>
        knot({
          ...options,
          configuration: shown('action: [update, transfer]', options.folder).replace(
            'the secret that keymgr printed',
            UPDATE_KEY.secret,
          ),
        }),
    ],
  ] as const)(
    'has a configuration of %s with which everything is allowed that publishing needs',
    async (_, start) => {
      const server = await serve(start);
      const { running, provider } = server;
      expect((await provider.check([running.zone], soon())).filter(({ ok }) => !ok)).toEqual([]);
      const sets = [
        set('www', 'A', ['192.0.2.1']),
        set('www', 'AAAA', ['2001:db8::1']),
        set('www._owner._portolan', 'TXT', ['"heritage=portolan"']),
        set('geo', 'NS', ['ns1.example.net.']),
        set('geo', 'DS', [`1 13 2 ${'AB'.repeat(32)}`]),
      ];
      await send(
        server,
        sets.map((after) => ({ after })),
      );
      for (const one of sets) expect(await found(server, one)).toEqual(one);
      const alias = set('www', 'CNAME', ['x.example.net.']);
      await send(server, [...sets.slice(0, 2).map((before) => ({ before })), { after: alias }]);
      expect(await found(server, alias)).toEqual(alias);
    },
  );
});
