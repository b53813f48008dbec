import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createZoneDocuments } from '../../../hub/providers/zone-documents.ts';
import { openStore } from '../../../hub/store/open.ts';
import { createNameServer } from '../../../nameserver/server.ts';
import { nameServerSettings } from '../../../nameserver/settings.ts';
import { Statistics } from '../../../nameserver/statistics.ts';
import { createEmbeddedKind, type ZoneDocuments } from '../../../providers/embedded/provider.ts';
import { entryOf, setsOf } from '../../../providers/embedded/records.ts';
import { parseName } from '../../../src/dns/name.ts';
import { AnswerTable } from '../../../src/dns/table.ts';
import { compileZoneOrThrow } from '../../../src/dns/zone.ts';
import { PortolanError } from '../../../src/errors/error.ts';
import { setKey } from '../../../src/plan/record-set.ts';
import { dnsProviderSpec } from '../../../src/resources/dns-provider.ts';
import { zoneSpec } from '../../../src/resources/zone.ts';
import { UNHINDERED } from '../../support/unhindered.ts';
import { askServer } from '../provider/ask-server.ts';
import { HERE, type ProviderHarness, type Running } from '../provider-harness.ts';

const ORIGIN = parseName('embedded.example');
const KEY = { kind: 'Zone', namespace: 'default', name: 'conformance' } as const;
const ACTOR = { id: 'test', display: 'somebody else' };
const IN_PROCESS = 'It is the hub’s own store: no request goes over a network.';

const specOf = (origin: string) =>
  zoneSpec.parse({ origin, nameServers: [{ name: `ns1.${origin}`, addresses: ['192.0.2.53'] }] });

/** What goes wrong in the store beneath. */
interface Trouble {
  latencyMs: number;
  loseNextAnswer: boolean;
}

function troubled(documents: ZoneDocuments, trouble: Trouble): ZoneDocuments {
  const late = (): Promise<void> =>
    trouble.latencyMs === 0
      ? Promise.resolve()
      : new Promise((resolve) => setTimeout(resolve, trouble.latencyMs));
  return {
    list: () => late().then(() => documents.list()),
    get: (key) => late().then(() => documents.get(key)),
    async replaceRecords(document, records) {
      await late();
      await documents.replaceRecords(document, records);
      if (!trouble.loseNextAnswer) return;
      trouble.loseNextAnswer = false;
      throw new PortolanError('INTERNAL', 'the connection to the database broke before it answered');
    },
  };
}

async function start(): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-embedded-'));
  const store = await openStore(
    { kind: 'sqlite', file: join(folder, 'store.db') },
    { kek: randomBytes(32), wallClock: Date.now, random: randomBytes },
  );
  await store.commit([{ type: 'create', key: KEY, spec: specOf(ORIGIN) }], { actor: ACTOR });
  const trouble: Trouble = { latencyMs: 0, loseNextAnswer: false };
  const documents = createZoneDocuments({ store, admit: async () => ({ ok: true, warnings: [] }) });
  const kind = createEmbeddedKind(troubled(documents, trouble));
  let table = new AnswerTable([]);
  const refresh = async (): Promise<void> => {
    const zone = await store.get(KEY);
    table = new AnswerTable(
      zone === undefined ? [] : [compileZoneOrThrow({ ...zone.spec, serial: 1, routed: [] })],
    );
  };
  const server = createNameServer({
    listen: [{ host: '127.0.0.1', port: 0 }],
    settings: nameServerSettings.parse({}),
    table: () => table,
    statistics: new Statistics(),
    log: { warn: () => undefined },
  });
  const [bound] = await server.start();
  const spec = dnsProviderSpec.parse({
    zones: [{ origin: ORIGIN }],
    rfc2136: { server: '127.0.0.1', tsigSecret: 'none' },
  });
  const requests = new Map<string, number>();

  /** Past the provider, as a person edits a Zone. */
  async function edit(
    change: (
      records: ReturnType<typeof specOf>['records'],
      key: string,
    ) => ReturnType<typeof specOf>['records'],
    key: string,
  ): Promise<void> {
    const zone = await store.get(KEY);
    if (zone === undefined) throw new Error('the Zone is gone');
    const gone = new Set(setsOf(zone.spec).get(key)?.entries ?? []);
    const records = change(
      zone.spec.records.filter((_, i) => !gone.has(i)),
      key,
    );
    await store.commit([{ type: 'update', key: KEY, spec: { ...zone.spec, records } }], { actor: ACTOR });
  }

  return {
    spec,
    zone: {
      origin: ORIGIN,
      id: 'default/conformance',
      private: false,
      nameServers: [parseName(`ns1.${ORIGIN}`)],
    },
    open: (overrides = {}) =>
      kind.open({
        spec,
        secret: {},
        name: 'conformance/embedded',
        owner: 'conformance',
        ...UNHINDERED,
        ...overrides,
        turn: async (action, signal) => {
          await overrides.turn?.(action, signal);
          requests.set(action, (requests.get(action) ?? 0) + 1);
        },
      }),
    async ask(name, type, from) {
      await refresh();
      return askServer(bound?.port ?? 0, name, type, from);
    },
    writeForeign: (set) => edit((records) => [...records, entryOf(set, ORIGIN)], setKey(set)),
    deleteForeign: (set) => edit((records) => records, setKey(set)),
    async addZones(count) {
      for (let i = 0; i < count; i += 1)
        await store.commit(
          [{ type: 'create', key: { ...KEY, name: `zone-${i}` }, spec: specOf(`zone-${i}.example.`) }],
          { actor: ACTOR },
        );
    },
    requests: () => new Map(requests),
    faults: {
      latency: (delayMs) => {
        trouble.latencyMs = delayMs;
      },
      throttle: { why: IN_PROCESS },
      loseNextAnswer: () => {
        trouble.loseNextAnswer = true;
      },
      revoke: { why: `${IN_PROCESS} There are no credentials.` },
      deleteZone: async () => {
        await store.commit([{ type: 'delete', key: KEY }], { actor: ACTOR });
      },
    },
    setHealth: { why: 'Records of a Zone do not follow health; hostnames of policies do.' },
    async close() {
      await server.close();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Zones of the embedded name servers, in the hub's store. */
export const embedded: ProviderHarness = {
  name: 'embedded',
  kind: createEmbeddedKind({
    list: async () => [],
    get: async () => undefined,
    replaceRecords: async () => undefined,
  }),
  server: async () => HERE,
  holes: { 'limits.guard': IN_PROCESS },
  start,
};
