import {
  type Provider,
  type ProviderClock,
  ProviderError,
  type ProviderKind,
  type ProviderZone,
  type ZoneContent,
} from '../../providers/contract.ts';
import type { DomainName } from '../../src/dns/name.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { AidSpec } from '../../src/plan/aid.ts';
import type { DesiredName, HeldName, ZonePlan, ZonePlanInput } from '../../src/plan/zone-plan.ts';
import { backoffDelayMs } from '../../src/protocol/backoff.ts';
import type { DnsProviderSpec } from '../../src/resources/dns-provider.ts';
import { withAids } from './aid-ids.ts';
import type { Connection, WantedZone } from './connection.ts';
import { asPortolanError } from './failures.ts';
import { afterApplying, type Generations, NOTHING_YET, type ZoneMemory } from './generations.ts';
import { summaryOf } from './plan-lines.ts';

/** What is wanted of one name in a zone. */
export interface WantedName {
  readonly desired: DesiredName;
  /** What its sets lean on. */
  readonly aids: readonly AidSpec[];
}

/** What the enactor is given: a plan that may be carried out now. */
export interface EnactJob {
  readonly plan: ZonePlan;
  readonly provider: Provider;
  readonly kind: ProviderKind;
  readonly zone: ProviderZone;
  readonly content: ZoneContent;
  /** Between two batches: false when something newer is wanted. */
  readonly mayGoOn: () => boolean;
  readonly signal: AbortSignal;
}

export interface Enacted {
  /** The zone as it is known to be now; `undefined`: it must be read again before the next write. */
  readonly content: ZoneContent | undefined;
  /** Names whose records the provider refused for what they are. */
  readonly refused: readonly HeldName[];
  /** Everything else was carried out. */
  readonly complete: boolean;
  /** What ended it, when it is not complete. */
  readonly failure?: unknown;
}

/** How a zone stands, for statuses and for people. */
export interface ZoneState {
  /** The provider's name for it; empty until it was found. */
  readonly id: string;
  readonly nameServers: readonly DomainName[];
  readonly memory: ZoneMemory;
  /** The newest plan: what was to be done when it was made, less what is done. */
  readonly plan: ZonePlan | undefined;
  /** Names that wait, those that the provider refused included. */
  readonly held: readonly HeldName[];
  readonly error: PortolanError | undefined;
  /** Monotonic milliseconds of the last reading. */
  readonly readAtMs: number | undefined;
  /** Names that are there as they are wanted. */
  readonly programmed: ReadonlySet<DomainName>;
}

export interface ZoneWorkerOptions {
  /** `namespace/provider/origin`, and the id where `spec.zones` gives one. */
  readonly key: string;
  readonly owner: string;
  readonly epoch: number;
  readonly wanted: WantedZone;
  readonly generations: Generations;
  readonly planZone: (input: ZonePlanInput) => ZonePlan;
  readonly enact: (job: EnactJob) => Promise<Enacted>;
  /** Asks the store whether this hub leads; rejects when the store does not answer. */
  readonly leads: () => Promise<boolean>;
  readonly kind: ProviderKind;
  readonly connection: () => Promise<Connection>;
  readonly spec: () => DnsProviderSpec;
  /** `undefined`: it is not known yet, so nothing is done. */
  readonly wish: () => readonly WantedName[] | undefined;
  /** Something of `state` is otherwise. */
  readonly onState: () => void;
  /** A plan was carried out, or the zone was found to be as it is wanted for the first time. */
  readonly onProgrammed: (changed: readonly DomainName[]) => void;
  /** Sets that lean on other aids were written and read back. */
  readonly onAidsChanged: () => void;
  readonly timed: (phase: 'plan' | 'apply', durationMs: number) => void;
  readonly clock: ProviderClock;
  readonly random: () => number;
  readonly log: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
  };
}

/**
 * Keeps one zone at a provider as it is wanted. Level-based: whatever happened, the next pass reads what is wanted then, so nothing queues up
 * but the fact that something did, and the newest plan wins. One pass runs at a time.
 */
export interface ZoneWorker {
  /** Something that is wanted may be otherwise. */
  touch(): void;
  /** As `touch`, but does not wait for a pause after a failure: the DNSProvider or its Secret changed, or a person asks. */
  retry(): void;
  /** Forgets what was read: the next pass reads the zone. */
  reread(): void;
  readonly state: ZoneState;
  /** The zone as it was read or written last. */
  readonly content: ZoneContent | undefined;
  readonly zone: ProviderZone | undefined;
  /** What would be done if `wish` were wanted; `undefined` when the zone was not read yet. Never writes. */
  planFor(wish: readonly WantedName[]): ZonePlan | undefined;
  /** Changes what is remembered, durably. */
  remember(change: (memory: ZoneMemory) => ZoneMemory): Promise<void>;
  /** Resolves once what is remembered of the zone is there. */
  loaded(): Promise<void>;
  close(): Promise<void>;
}

const BACKOFF = { baseMs: 1_000, capMs: 60_000 };
/** Without preconditions a write must end while nobody else can have taken over: then the new hub reads again. */
export const UNCHECKED_WRITE_LIMIT_MS = 15_000;

export function createZoneWorker(options: ZoneWorkerOptions): ZoneWorker {
  const { key, clock, generations, log } = options;
  const closing = new AbortController();
  const isUnchecked = options.kind.capabilities.preconditions === 'none';
  let connected: Connection | undefined;
  let memory: ZoneMemory = NOTHING_YET;
  let loading: Promise<void> | undefined;
  let saved: Promise<unknown> = Promise.resolve();
  let zone: ProviderZone | undefined;
  let content: ZoneContent | undefined;
  let readAtMs: number | undefined;
  let plan: ZonePlan | undefined;
  let refused: readonly HeldName[] = [];
  let error: PortolanError | undefined;
  let programmed: ReadonlySet<DomainName> = new Set();
  /** Plan hash that the provider refused records of: it is not sent again until it is another one or the zone was read again. */
  let refusedPlan: string | undefined;
  let aidIds: ReadonlyMap<string, string> = new Map();
  /** Content of the generation that a rollback holds. */
  let heldContent: { readonly generation: number; readonly names: readonly DesiredName[] } | undefined;
  let failures = 0;
  let notBeforeMs = Number.NEGATIVE_INFINITY;
  let timer: { readonly atMs: number; readonly cancel: AbortController } | undefined;
  let running: Promise<void> | undefined;
  let dirty = false;
  /** Without preconditions another hub's last write may come after our first reading. */
  let settleReadDue = true;

  function loaded(): Promise<void> {
    loading ??= generations.load(key).then(
      (found) => {
        memory = found;
      },
      (thrown: unknown) => {
        loading = undefined;
        throw thrown;
      },
    );
    return loading;
  }

  function remember(change: (memory: ZoneMemory) => ZoneMemory): Promise<void> {
    memory = change(memory);
    const save = saved.then(() => generations.save(key, memory));
    saved = save.catch(() => undefined);
    return save;
  }

  // --- when a pass runs

  function schedule(atMs: number): void {
    if (closing.signal.aborted) return;
    const at = Math.max(atMs, notBeforeMs);
    if (timer !== undefined && timer.atMs <= at) return;
    timer?.cancel.abort();
    const cancel = new AbortController();
    timer = { atMs: at, cancel };
    clock.wait(Math.max(0, at - clock.monotonicMs()), cancel.signal).then(
      () => {
        timer = undefined;
        run();
      },
      () => undefined,
    );
  }

  function run(): void {
    if (running !== undefined || closing.signal.aborted) return;
    dirty = false;
    running = pass()
      .then(
        () => {
          failures = 0;
          notBeforeMs = Number.NEGATIVE_INFINITY;
          return nextReadMs();
        },
        (thrown: unknown) => failed(thrown),
      )
      .then((nextMs) => {
        running = undefined;
        options.onState();
        schedule(dirty ? clock.monotonicMs() : nextMs);
      });
  }

  function nextReadMs(): number {
    const everyMs = options.spec().driftCheckSeconds * 1000;
    if (isUnchecked && settleReadDue)
      return clock.monotonicMs() + Math.min(everyMs, UNCHECKED_WRITE_LIMIT_MS);
    // Zones that were read together come apart.
    return (readAtMs ?? clock.monotonicMs()) + everyMs * (0.95 + 0.1 * options.random());
  }

  /** @returns when to try again, monotonic milliseconds */
  function failed(thrown: unknown): number {
    if (closing.signal.aborted) return Number.POSITIVE_INFINITY;
    const found = asPortolanError(thrown);
    if (error?.message !== found.message)
      log.warn({ zone: key, err: found }, 'a zone at a provider is behind');
    error = found;
    failures += 1;
    let delayMs = backoffDelayMs(failures, options.random, BACKOFF);
    if (thrown instanceof ProviderError) {
      // Whatever is not certain is read before the next write.
      if (thrown.failure === 'ambiguous' || thrown.failure === 'conflict') content = undefined;
      if (thrown.failure === 'gone') {
        content = undefined;
        zone = undefined;
      }
      if (thrown.failure === 'throttled')
        delayMs = Math.max(delayMs, connected?.account.throttled(thrown.retryAfterMs) ?? 0);
      else if (thrown.retryAfterMs !== undefined) delayMs = Math.max(delayMs, thrown.retryAfterMs);
    }
    notBeforeMs = clock.monotonicMs() + delayMs;
    return notBeforeMs;
  }

  // --- one pass

  async function pass(): Promise<void> {
    await loaded();
    const connection = await options.connection();
    connected = connection;
    const provider = await connection.provider();
    zone ??= await connection.locate(options.wanted, closing.signal);
    const found = zone;
    const maxAgeMs = options.spec().driftCheckSeconds * 1000;
    const ageMs = clock.monotonicMs() - (readAtMs ?? Number.NEGATIVE_INFINITY);
    const settleRead = isUnchecked && settleReadDue && ageMs >= UNCHECKED_WRITE_LIMIT_MS;
    if (content === undefined || ageMs >= maxAgeMs * 0.9 || settleRead) {
      if (settleRead) settleReadDue = false;
      content = await connection.operate('read', key, (signal) => provider.read(found, signal));
      readAtMs = clock.monotonicMs();
      refusedPlan = undefined;
    }
    const wanted = options.wish();
    if (wanted === undefined) return;
    await follow(connection, provider, found, wanted);
  }

  async function follow(
    connection: Connection,
    provider: Provider,
    found: ProviderZone,
    wanted: readonly WantedName[],
  ): Promise<void> {
    const spec = options.spec();
    const names = await wantedNow(wanted);
    const specs = memory.heldAtGeneration === undefined ? wanted.flatMap((name) => name.aids) : [];
    if (specs.some((aid) => !aidIds.has(aid.key)) && !spec.frozen && (await mayWrite())) {
      const { aids } = provider;
      if (aids !== undefined)
        aidIds = await connection.operate('aids', key, (signal) => aids.ensure(specs, signal));
    }
    const { approved } = memory;
    let next = planNow(names, memory.generation + 1);
    plan = next;
    if (supersededBy(next)) {
      throw new PortolanError(
        'PROVIDER_SUPERSEDED',
        `${key} was written by a hub with epoch ${next.foundStamp?.epoch ?? 0}; this one has ${options.epoch}`,
      );
    }
    if (next.groups.length === 0) return settle(names, next);
    if (spec.frozen || next.hash === refusedPlan || !(await mayWrite())) return settle(names, next);
    const generation = await generations.next(key, foundGeneration(next));
    if (generation !== memory.generation + 1) {
      next = planNow(names, generation);
      plan = next;
    }
    const begun = clock.monotonicMs();
    const result = await enactNow(connection, provider, found, next);
    options.timed('apply', clock.monotonicMs() - begun);
    content = result.content;
    refused = result.refused;
    if (result.refused.length > 0) refusedPlan = next.hash;
    if (!result.complete) throw result.failure ?? new ProviderError('busy', 'something newer is wanted');
    const at = new Date(clock.wallMs()).toISOString();
    await generations.keepContent(key, generation, names);
    await remember((known) => afterApplying(known, { generation, at, summary: summaryOf(next), approved }));
    log.info({ zone: key, generation, changes: next.groups.length }, 'a zone at a provider was changed');
    if (content === undefined || isUnchecked) {
      // Nobody checked what was there: look at what came of it.
      content = await connection.operate('read', key, (signal) => provider.read(found, signal));
      readAtMs = clock.monotonicMs();
    }
    const after = planNow(names, generation + 1);
    plan = after;
    settle(
      names,
      after,
      next.groups.map((group) => group.name),
    );
    if (
      specs.length > 0 ||
      next.groups.some((group) => group.changes.some((c) => c.before?.native !== undefined))
    )
      options.onAidsChanged();
    // What another writer did meanwhile is repaired at once, but not in a tight loop.
    if (after.groups.length > 0 && after.hash !== refusedPlan) {
      failures += 1;
      notBeforeMs = clock.monotonicMs() + backoffDelayMs(failures, options.random, BACKOFF);
      throw new ProviderError(
        'conflict',
        `${key} is not as it was written; somebody else writes the same records`,
      );
    }
  }

  /** What is wanted: what the policies want, or while a rollback holds the zone what an earlier generation wanted. */
  async function wantedNow(wanted: readonly WantedName[]): Promise<readonly DesiredName[]> {
    const { heldAtGeneration } = memory;
    if (heldAtGeneration === undefined) return wanted.map(({ desired }) => desired);
    if (heldContent?.generation !== heldAtGeneration) {
      const names = await generations.content(key, heldAtGeneration);
      if (names === undefined)
        throw new PortolanError(
          'PROVIDER_FROZEN',
          `the content of generation ${heldAtGeneration} is not kept any more`,
          {
            fix: `Run \`portolan provider resume ${key.split('/')[1] ?? ''} --zone ${options.wanted.origin}\`.`,
          },
        );
      heldContent = { generation: heldAtGeneration, names };
    }
    return heldContent.names;
  }

  function planNow(names: readonly DesiredName[], generation: number): ZonePlan {
    const begun = clock.monotonicMs();
    const spec = options.spec();
    const made = options.planZone({
      origin: options.wanted.origin,
      owner: options.owner,
      fence: { epoch: options.epoch, generation },
      current: content?.sets ?? [],
      desired: names.map((name) => withAids(name, aidIds)),
      adopted: memory.adopted,
      deletions: spec.deletions,
      maxRemovedPercent: spec.maxRemovedPercent,
      approved: new Set(memory.approved),
    });
    options.timed('plan', clock.monotonicMs() - begun);
    return made;
  }

  function enactNow(
    connection: Connection,
    provider: Provider,
    found: ProviderZone,
    job: ZonePlan,
  ): Promise<Enacted> {
    const known = content ?? { sets: [], tokens: new Map<string, string>() };
    return connection.operate('apply', key, (signal) =>
      options.enact({
        plan: job,
        provider: ledOnly(provider),
        kind: options.kind,
        zone: found,
        content: known,
        mayGoOn: () => !dirty,
        signal: AbortSignal.any([signal, closing.signal]),
      }),
    );
  }

  /** Each write begins with the store saying that this hub leads, whoever asks for it. */
  function ledOnly(provider: Provider): Provider {
    return {
      zones: (signal) => provider.zones(signal),
      read: (of, signal) => provider.read(of, signal),
      async apply(to, batch, signal) {
        if (!(await mayWrite())) throw new ProviderError('busy', 'another hub took over');
        const until = isUnchecked
          ? AbortSignal.any([signal, AbortSignal.timeout(UNCHECKED_WRITE_LIMIT_MS)])
          : signal;
        await provider.apply(to, batch, until);
      },
      ...(provider.aids === undefined ? {} : { aids: provider.aids }),
      check: (zones, signal) => provider.check(zones, signal),
      close: () => provider.close(),
    };
  }

  async function mayWrite(): Promise<boolean> {
    if (closing.signal.aborted) return false;
    return options.leads();
  }

  function settle(names: readonly DesiredName[], made: ZonePlan, changed: readonly DomainName[] = []): void {
    if (made.groups.length === 0 || made.hash !== refusedPlan)
      refused = made.groups.length === 0 ? [] : refused;
    const waiting = new Set<DomainName>([
      ...made.groups.map((group) => group.name),
      ...made.held.map((held) => held.name),
      ...refused.map((held) => held.name),
    ]);
    const next = new Set(
      names.flatMap(({ name, sets }) => (sets === undefined || waiting.has(name) ? [] : [name])),
    );
    const fresh = [...next].filter((name) => !programmed.has(name) || changed.includes(name));
    programmed = next;
    error = undefined;
    if (fresh.length > 0 || changed.length > 0) options.onProgrammed([...new Set([...fresh, ...changed])]);
    options.onState();
  }

  function supersededBy(made: ZonePlan): boolean {
    return made.foundStamp !== undefined && made.foundStamp.epoch > options.epoch;
  }

  function foundGeneration(made: ZonePlan): number {
    return Math.max(
      memory.generation,
      made.foundStamp?.epoch === options.epoch ? made.foundStamp.generation : 0,
    );
  }

  return {
    touch() {
      dirty = true;
      schedule(clock.monotonicMs());
    },
    retry() {
      notBeforeMs = Number.NEGATIVE_INFINITY;
      failures = 0;
      refusedPlan = undefined;
      dirty = true;
      schedule(clock.monotonicMs());
    },
    reread() {
      content = undefined;
    },
    get state() {
      const held = plan?.held ?? [];
      return {
        id: zone?.id ?? '',
        nameServers: zone?.nameServers ?? [],
        memory,
        plan,
        held: [...held, ...refused.filter((r) => !held.some((h) => h.name === r.name))],
        error,
        readAtMs,
        programmed,
      };
    },
    get content() {
      return content;
    },
    get zone() {
      return zone;
    },
    planFor: (wish) =>
      content === undefined
        ? undefined
        : planNow(
            wish.map(({ desired }) => desired),
            memory.generation + 1,
          ),
    remember,
    loaded,
    async close() {
      closing.abort(new ProviderError('transient', 'the zone is not looked after any more'));
      timer?.cancel.abort();
      await running;
      await saved;
    },
  };
}
