import {
  type Batch,
  type Capabilities,
  type Provider,
  ProviderError,
  type ProviderKind,
  type ProviderZone,
} from '../../providers/contract.ts';
import { parseName } from '../../src/dns/name.ts';
import { planZone } from '../../src/plan/plan-zone.ts';
import { type RecordSet, sameSet, setKey } from '../../src/plan/record-set.ts';
import { dnsProviderSpec } from '../../src/resources/dns-provider.ts';
import { createAccount } from './account.ts';
import { createConnection } from './connection.ts';
import { enact } from './enactor.ts';
import { createGenerations } from './generations.ts';
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts';
import { createZoneWorker, type WantedName, type ZoneWorker } from './zone-worker.ts';

/* For tests of this folder: a provider in memory whose zone outlives the workers that write it. */

export const ORIGIN = parseName('example.com.');
export const OWNER = 'hub-1';

export interface MemoryProvider {
  readonly kind: ProviderKind;
  readonly sets: ReadonlyMap<string, RecordSet>;
  readonly calls: string[];
  /** Thrown by the next calls of an operation, one each. */
  readonly failures: { readonly operation: 'zones' | 'read' | 'apply'; readonly error: unknown }[];
  /** Called before a batch is compared with the zone. */
  beforeApply: (() => Promise<void> | void) | undefined;
  /** How long a read or a batch takes, from the request to the answer: awaited after it was done. */
  beforeAnswer: ((operation: 'read' | 'apply') => Promise<void>) | undefined;
  /** The zone is there. */
  exists: boolean;
  put(set: RecordSet): void;
  drop(set: Pick<RecordSet, 'name' | 'type' | 'setId'>): void;
  valuesOf(name: string, type?: string): readonly string[];
}

export function memoryProvider(preconditions: Capabilities['preconditions'] = 'atomic'): MemoryProvider {
  const sets = new Map<string, RecordSet>();
  const calls: string[] = [];
  const zone: ProviderZone = { origin: ORIGIN, id: 'Z1', private: false, nameServers: [] };

  function fail(operation: 'zones' | 'read' | 'apply'): void {
    calls.push(operation);
    const index = memory.failures.findIndex((failure) => failure.operation === operation);
    if (index >= 0) throw memory.failures.splice(index, 1)[0]?.error;
  }

  function apply(batch: Batch): void {
    const changes = [
      ...batch.groups.flatMap((group) => group.changes),
      ...(batch.fence === undefined ? [] : [batch.fence]),
    ];
    if (preconditions !== 'none') {
      for (const { before, after } of changes) {
        const key = setKey(before ?? after ?? { name: ORIGIN, type: '', setId: '' });
        const there = sets.get(key);
        const asRead =
          before === undefined ? there === undefined : there !== undefined && sameSet(there, before);
        if (!asRead) throw new ProviderError('conflict', `${key} is not as it was read`);
      }
    }
    for (const { before, after } of changes) {
      if (before !== undefined) sets.delete(setKey(before));
      if (after !== undefined) sets.set(setKey(after), after);
    }
  }

  const provider: Provider = {
    async zones() {
      fail('zones');
      return memory.exists ? [zone] : [];
    },
    async read() {
      fail('read');
      if (!memory.exists) throw new ProviderError('gone', 'the zone is not there');
      const content = { sets: [...sets.values()], tokens: new Map<string, string>() };
      await memory.beforeAnswer?.('read');
      return content;
    },
    async apply(_zone, batch, signal) {
      await memory.beforeApply?.();
      signal.throwIfAborted();
      fail('apply');
      apply(batch);
      await memory.beforeAnswer?.('apply');
    },
    check: async () => [],
    close: async () => undefined,
  };
  const memory: MemoryProvider = {
    kind: {
      type: 'rfc2136',
      capabilities: {
        preconditions,
        preconditionsWhy: 'It is a test.',
        batch: { maxChanges: 100, maxOctets: 100_000, cost: () => ({ changes: 1, octets: 100 }) },
        rate: { perSecond: 1_000, burst: 1_000 },
        ttl: { minSeconds: 0, maxSeconds: 86_400 },
        routing: [],
        healthChecks: { native: false, reason: 'it is a test' },
        unsupportedTypes: [],
        staleWriter: 'Nothing.',
      },
      compile: () => ({ outcome: 'no', features: [] }),
      open: async () => provider,
    },
    sets,
    calls,
    failures: [],
    beforeApply: undefined,
    beforeAnswer: undefined,
    exists: true,
    put: (set) => void sets.set(setKey(set), set),
    drop: (set) => void sets.delete(setKey(set)),
    valuesOf: (name, type = 'A') => sets.get(`${name} ${type} `)?.values ?? [],
  };
  return memory;
}

/** A hub's memory that outlives it. */
export function memoryStore() {
  const meta = new Map<string, string>();
  const counters = new Map<string, number>();
  let down: Error | undefined;
  const up = (): void => {
    if (down !== undefined) throw down;
  };
  return {
    async getMeta(key: string) {
      up();
      return meta.get(key);
    },
    async putMeta(key: string, value: string) {
      up();
      meta.set(key, value);
    },
    async increment(key: string) {
      up();
      counters.set(key, (counters.get(key) ?? 0) + 1);
      return counters.get(key) ?? 0;
    },
    fail(error: Error | undefined) {
      down = error;
    },
  };
}

export const wanted = (label: string, ...values: readonly string[]): WantedName => ({
  desired: {
    name: parseName(`${label}.example.com.`),
    resource: `trafficpolicy/shop/${label}`,
    sets: [
      {
        name: parseName(`${label}.example.com.`),
        type: 'A',
        setId: '',
        ttlSeconds: 30,
        values: [...values].sort(),
      },
    ],
    types: ['A', 'AAAA', 'CNAME'],
    shared: false,
  },
  aids: [],
});

export interface WorkerAtHand {
  readonly worker: ZoneWorker;
  readonly clock: VirtualClock;
  readonly warnings: readonly string[];
  /** Wants these from now on and lets the worker finish. */
  want(...names: readonly WantedName[]): Promise<void>;
  leads: boolean;
}

/** A worker for the zone of `provider`, as a hub of this epoch has it. */
export function workerFor(
  provider: MemoryProvider,
  options: {
    readonly store?: ReturnType<typeof memoryStore>;
    readonly epoch?: number;
    readonly clock?: VirtualClock;
    readonly spec?: Readonly<Record<string, unknown>>;
  } = {},
): WorkerAtHand {
  const clock = options.clock ?? createVirtualClock();
  const store = options.store ?? memoryStore();
  const warnings: string[] = [];
  let newest: readonly WantedName[] | undefined;
  const spec = dnsProviderSpec.parse({
    zones: [{ origin: ORIGIN }],
    rfc2136: { server: '192.0.2.1', tsigSecret: 'key' },
    ...options.spec,
  });
  const account = createAccount({ capabilities: provider.kind.capabilities, clock, random: () => 0.5 });
  const connection = createConnection({
    kind: provider.kind,
    account,
    name: 'shop/main',
    owner: OWNER,
    spec,
    secret: {},
    ca: undefined,
    guard: { check: () => undefined, lookup: () => undefined },
    clock,
    random: () => 0.5,
    count: () => undefined,
    signal: new AbortController().signal,
  });
  const at: WorkerAtHand = {
    clock,
    warnings,
    leads: true,
    worker: createZoneWorker({
      key: 'shop/main/example.com.',
      owner: OWNER,
      epoch: options.epoch ?? 1,
      wanted: { origin: ORIGIN, private: false },
      generations: createGenerations(store),
      planZone,
      enact,
      leads: async () => at.leads,
      kind: provider.kind,
      connection: async () => connection,
      spec: () => spec,
      names: () => newest,
      keepsPassing: () => false,
      onState: () => undefined,
      onProgrammed: () => undefined,
      onAidsChanged: () => undefined,
      timed: () => undefined,
      clock,
      random: () => 0.5,
      log: { info: () => undefined, warn: (_details, message) => void warnings.push(message) },
    }),
    async want(...names) {
      newest = names;
      at.worker.touch();
      await clock.pass(1);
    },
  };
  return at;
}
