import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { vi } from 'vitest';
import { createRoutedTable } from '../../nameserver/routed-table.ts';
import { parseName } from '../../src/dns/name.ts';
import { formatRdata } from '../../src/dns/records/catalogue.ts';
import { respond } from '../../src/dns/respond.ts';
import { EMPTY_TABLE } from '../../src/dns/table.ts';
import { CLASS, TYPE } from '../../src/dns/types.ts';
import { encodeMessage, makeQuery } from '../../src/dns/wire/message.ts';
import { parseQuery } from '../../src/dns/wire/query.ts';
import type { PortolanError } from '../../src/errors/error.ts';
import { DEFAULT_QUORUM, type Target, type Vote } from '../../src/health/types.ts';
import { newSnapshotKey, openSnapshotSigner } from '../../src/identity/snapshot-signing.ts';
import type { HubMessage } from '../../src/protocol/generated/portolan_pb.js';
import { toWireVotes } from '../../src/protocol/votes.ts';
import type { ParsedInput } from '../../src/resources/validate.ts';
import { countryLocation, parseClient } from '../../src/routing/location.ts';
import type { GeoLookup } from '../../src/routing/model.ts';
import { createTsigKeys } from '../dnssec/tsig-keys.ts';
import { createDrillEffects, type DrillEffects } from '../drills/effects.ts';
import type { Store } from '../store/contract.ts';
import { openStore, type StoreConfig, type StoreDependencies } from '../store/open.ts';
import { createCaBundles } from './ca-bundles.ts';
import { createEngine, type Engine, type EngineOptions } from './engine.ts';
import { createNameServerSecrets } from './name-server-secrets.ts';
import { CONTEXT, cluster } from './testing.ts';

/** An engine over a real store; its clock and timers move only when told, agents and probes are pretended. */
export interface TestEngine {
  readonly engine: Engine;
  readonly store: Store;
  readonly storeConfig: StoreConfig;
  readonly storeDependencies: StoreDependencies;
  readonly effects: DrillEffects;
  readonly geo: GeoLookup;
  readonly warnings: readonly string[];
  wallMs(): number;
  monotonicMs(): number;
  /** `engine.caughtUp`, with time going on meanwhile. */
  caughtUp(revision: number): Promise<void>;
  /** The promise's outcome, with time going on until it is there. */
  settle<T>(promise: Promise<T>): Promise<T>;
  /** Creates or replaces objects in one commit; resolves to the store's revision. */
  put(...objects: readonly ParsedInput[]): Promise<number>;
  /** A cluster with an agent that has joined; resolves to the agent's uid. */
  join(name: string): Promise<string>;
  sentTo(agentUid: string): readonly HubMessage[];
  forgetSent(): void;
  targetsOf(clusterKey: string): readonly Target[];
  /** A complete batch of the agent: the same word on every target. */
  vote(name: string, agentUid: string, verdict: Vote['verdict']): void;
  /** What the hub's own prober says from now on. */
  ownVotes(verdict: Vote['verdict']): void;
  answers(hostname: string): readonly string[];
  /** Lets seconds pass, one heartbeat each. */
  beats(count: number): Promise<void>;
  /** Lets time pass in small steps until it is so. */
  until<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T>;
  /** Lets everything that is under way finish. */
  quiet(): Promise<void>;
  /** From now on a method of the store fails, or works again. */
  fail(method: 'increment' | 'putMeta', error: PortolanError | undefined): void;
  /** Ends this engine and its store; opens both anew on the same file. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

const SPKI = 'a'.repeat(64);
const SLOW_LIST_MS = 50;

/** Everybody is in Germany. */
const GEO: GeoLookup = {
  locate: () => ({ location: countryLocation('DE'), prefixLength: 24, exact: true }),
  sha256: '0'.repeat(64),
};

export async function startTestEngine(
  more: Pick<EngineOptions, 'challenges' | 'gateways' | 'inventories' | 'onWorld'> = {},
): Promise<TestEngine> {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-engine-'));
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  let nowMs = 0;
  const wallMs = (): number => 1_790_000_000_000 + nowMs;
  const storeConfig: StoreConfig = { kind: 'sqlite', file: join(folder, 'store.db') };
  const storeDependencies: StoreDependencies = {
    kek: randomBytes(32),
    wallClock: wallMs,
    random: randomBytes,
  };
  const sent: { readonly agentUid: string; readonly message: HubMessage }[] = [];
  const warnings: string[] = [];
  const failing = new Map<string, PortolanError>();
  const failureOf = (method: string): Promise<never> | undefined => {
    const error = failing.get(method);
    return error === undefined ? undefined : Promise.reject(error);
  };
  const sequences = new Map<string, number>();
  let own: Vote['verdict'] = 'none';
  let store = await open();
  const effects = createDrillEffects(() => engine?.effectsChanged());
  let engine: Engine | undefined = await begin();

  async function open(): Promise<Store> {
    const opened = await openStore(storeConfig, storeDependencies);
    const increment = opened.increment.bind(opened);
    opened.increment = (counter) => failureOf('increment') ?? increment(counter);
    const putMeta = opened.putMeta.bind(opened);
    opened.putMeta = (key, value) => failureOf('putMeta') ?? putMeta(key, value);
    return opened;
  }

  async function begin(): Promise<Engine> {
    let assigned: readonly Target[] = [];
    const votes = (): readonly Vote[] => assigned.map((t) => voteOn(t, own, `hub/${store.hubUid}`, 'hub'));
    const created = await createEngine(
      {
        ...more,
        store,
        signer: openSnapshotSigner(newSnapshotKey()),
        context: CONTEXT,
        quorum: DEFAULT_QUORUM,
        failureDomain: 'hub',
        geo: () => GEO,
        effects,
        caBundles: createCaBundles(store),
        nameServerSecrets: createNameServerSecrets({
          tsigKeys: createTsigKeys(store, { warn: () => undefined }),
        }),
        compileTable: (routing, geo, view, { signing }) =>
          createRoutedTable({ routing, signing, geo, view, random: () => 0.5 }).table,
        startProber: () => ({
          assign(targets) {
            assigned = targets;
          },
          setFaults: () => undefined,
          votes,
          connectedAgeMs: () => 0,
          noteContact: () => undefined,
          stats: () => {
            throw new Error('not asked here');
          },
          close: () => undefined,
        }),
        send: (agentUid, message) => void sent.push({ agentUid, message }),
        monotonicMs: () => nowMs,
        wallMs,
        randomId: () => randomBytes(8).toString('hex'),
        log: { info: () => undefined, warn: (_details, message) => void warnings.push(message) },
      },
      EMPTY_TABLE,
    );
    // As in a hub: its parts speak up while it starts, and a database far away takes longer than the loop waits.
    const list = store.list.bind(store);
    store.list = async (filter) => {
      store.list = list;
      await vi.advanceTimersByTimeAsync(SLOW_LIST_MS);
      return list(filter);
    };
    created.inputsChanged();
    await created.start();
    return created;
  }

  async function pass(ms: number): Promise<void> {
    nowMs += ms;
    await vi.advanceTimersByTimeAsync(ms);
    await turn();
  }

  const current = (): Engine => {
    if (engine === undefined) throw new Error('the engine is restarting');
    return engine;
  };

  const at: TestEngine = {
    get engine() {
      return current();
    },
    get store() {
      return store;
    },
    storeConfig,
    storeDependencies,
    effects,
    geo: GEO,
    warnings,
    wallMs,
    monotonicMs: () => nowMs,
    caughtUp: (revision) => at.settle(current().caughtUp(revision)),
    async settle(promise) {
      let settled = false;
      const end = (): void => {
        settled = true;
      };
      promise.then(end, end);
      for (let i = 0; i < 2_000 && !settled; i += 1) await pass(10);
      return promise;
    },
    async put(...objects) {
      const changes = await Promise.all(
        objects.map(async ({ kind, metadata: { namespace, name }, spec }) => {
          const key = { kind, namespace, name };
          const there = (await store.get(key)) !== undefined;
          return { type: there ? ('update' as const) : ('create' as const), key, spec };
        }),
      );
      const { revision } = await store.commit(changes, { actor: { id: 'test', display: 'test' } });
      return revision;
    },
    async join(name) {
      await at.put(cluster(name, 'US', '198.51.100.77'));
      const stored = await store.get({ kind: 'Cluster', namespace: 'default', name });
      const clusterUid = stored?.metadata.uid ?? '';
      const key = { kind: 'Cluster', namespace: 'default', name } as const;
      const expiresAt = new Date(wallMs() + 60_000).toISOString();
      const id = randomBytes(16).toString('hex');
      const secretSha256 = randomBytes(32).toString('hex');
      const actor = { id: 'test', display: 'test' };
      await store.createJoinToken({ id, cluster: key, clusterUid, expiresAt, secretSha256 }, actor);
      const identity = await store.claimJoinToken({
        id,
        secretSha256,
        spkiSha256: SPKI,
        issue: async () => ({
          agentUid: `agent-${name}`,
          clusterUid,
          cluster: key,
          generation: 1,
          revoked: false,
          joinedAt: new Date(wallMs()).toISOString(),
          spkiSha256: SPKI,
          certificateChainPem: 'pem',
        }),
      });
      await current().identitiesChanged();
      return identity.agentUid;
    },
    sentTo: (agentUid) => sent.flatMap((s) => (s.agentUid === agentUid ? [s.message] : [])),
    forgetSent: () => void sent.splice(0),
    targetsOf: (key) => [...current().world.targets.values()].filter((t) => t.cluster === key),
    vote(name, agentUid, verdict) {
      const sequence = (sequences.get(agentUid) ?? 0) + 1;
      sequences.set(agentUid, sequence);
      const votes = [...current().world.targets.values()].map((t) =>
        voteOn(t, verdict, `agent/${agentUid}`, name),
      );
      current().onVotes(agentUid, 'i', toWireVotes({ sequence, connectedAgeMs: 0, complete: true, votes }));
    },
    ownVotes(verdict) {
      own = verdict;
    },
    answers(hostname) {
      const query = parseQuery(
        encodeMessage(makeQuery(0, { name: parseName(hostname), type: TYPE.A, class: CLASS.IN })),
      );
      if (query === undefined) throw new Error('the question cannot be read');
      return respond(current().table, query, parseClient('192.0.2.1')).answer.flatMap(({ set }) =>
        set.records.map(formatRdata),
      );
    },
    async beats(count) {
      for (let i = 0; i < count; i += 1) for (let part = 0; part < 4; part += 1) await pass(250);
    },
    async until(look) {
      for (let i = 0; i < 2_000; i += 1) {
        const found = await look();
        if (found !== undefined) return found;
        await pass(20);
      }
      throw new Error('it never came to that');
    },
    async quiet() {
      for (let i = 0; i < 150; i += 1) await pass(20);
    },
    fail(method, error) {
      if (error === undefined) failing.delete(method);
      else failing.set(method, error);
    },
    async restart() {
      await current().close();
      engine = undefined;
      await store.close();
      store = await open();
      engine = await begin();
    },
    async close() {
      await engine?.close();
      await store.close();
      vi.useRealTimers();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return at;
}

function voteOn(target: Target, verdict: Vote['verdict'], vantage: string, failureDomain: string): Vote {
  return {
    vantage,
    failureDomain,
    targetId: target.id,
    verdict,
    sequence: 0,
    ageMs: 0,
    sinceMs: 0,
    detail: 'pretended',
  };
}
