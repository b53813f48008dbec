import { afterEach, beforeEach } from 'vitest';
import type { Batch, Provider, ProviderOptions, ZoneContent } from '../../../providers/contract.ts';
import { parseName } from '../../../src/dns/name.ts';
import { formatStamp } from '../../../src/plan/fence.ts';
import type { RecordSet, SetChange } from '../../../src/plan/record-set.ts';
import type { DnsProviderSpec } from '../../../src/resources/dns-provider.ts';
import { googleSpec, HEALTH_CHECK_LINK, openGoogle } from '../../fakes/google-dns/open.ts';
import { type FakeGoogle, type FakeGoogleOptions, startFakeGoogle } from '../../fakes/google-dns/server.ts';

export const ORIGIN = parseName('google.example.');
export const WWW = parseName('www.google.example.');
export const FENCE = parseName('me._fence._portolan.google.example.');
export const ZONE = { origin: ORIGIN, id: 'google-example', private: false, nameServers: [] };
export const PATIENCE_MS = 20_000;

export const soon = (): AbortSignal => AbortSignal.timeout(PATIENCE_MS);

export function set(name: string, type: string, values: readonly string[], ttlSeconds = 60): RecordSet {
  return { name: parseName(name), type, setId: '', ttlSeconds, values };
}

/** A batch as the hub makes it from what was read. */
export function batchOf(content: ZoneContent, after: RecordSet, generation: number): Batch {
  const stamp = formatStamp({ epoch: 1, generation, step: 0, plan: '0123456789abcdef' });
  const changeTo = (wanted: RecordSet): SetChange & { readonly after: RecordSet } => {
    const before = content.sets.find(({ name, type }) => name === wanted.name && type === wanted.type);
    return before === undefined ? { after: wanted } : { before, after: wanted };
  };
  return {
    groups: [{ name: after.name, changes: [changeTo(after)] }],
    fence: changeTo(set(FENCE, 'TXT', [`"${stamp}"`])),
    tokens: content.tokens,
  };
}

export async function write(writer: Provider, after: RecordSet, generation: number): Promise<void> {
  await writer.apply(ZONE, batchOf(await writer.read(ZONE, soon()), after, generation), soon());
}

export const failureOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'it went well',
    (error: unknown) => error,
  );

export interface GoogleWorld {
  readonly fake: FakeGoogle;
  spec: DnsProviderSpec;
  /** Opens the provider; closed after the test. */
  provider(overrides?: Partial<ProviderOptions>): Promise<Provider>;
  /** Another server in place of the one that is there. */
  restart(options: FakeGoogleOptions): Promise<void>;
  /** How often a method of the API was asked for. */
  requests(method: string): number;
}

/** A server with one zone for each test. Call it at the top of a test file. */
export function googleWorld(): GoogleWorld {
  let fake: FakeGoogle | undefined;
  let spec: DnsProviderSpec | undefined;
  const open: Provider[] = [];

  async function start(options: FakeGoogleOptions): Promise<void> {
    const started = await startFakeGoogle(options);
    started.addZone({ name: ZONE.id, origin: ORIGIN });
    fake = started;
    spec = googleSpec(started, ORIGIN);
  }
  async function stop(): Promise<void> {
    for (const provider of open.splice(0)) await provider.close();
    await fake?.close();
    fake = undefined;
  }
  beforeEach(() => start({ healthChecks: [HEALTH_CHECK_LINK] }));
  afterEach(stop);

  const world: GoogleWorld = {
    get fake() {
      if (fake === undefined) throw new Error('it runs during tests only');
      return fake;
    },
    get spec() {
      if (spec === undefined) throw new Error('it is there during tests only');
      return spec;
    },
    set spec(other) {
      spec = other;
    },
    async provider(overrides = {}) {
      const made = await openGoogle(world.fake, world.spec, overrides);
      open.push(made);
      return made;
    },
    async restart(options) {
      await stop();
      await start(options);
    },
    requests: (method) => world.fake.requests.get(method) ?? 0,
  };
  return world;
}
