import {
  type ProviderClock,
  ProviderError,
  type ProviderKind,
  type ProviderZone,
  type ZoneContent,
} from '../../providers/contract.ts';
import { deferred } from '../../src/async/deferred.ts';
import type { DomainName } from '../../src/dns/name.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { AidSpec } from '../../src/plan/aid.ts';
import { isChallenge } from '../../src/plan/challenge.ts';
import { digestOfOwn } from '../../src/plan/zone-inventory.ts';
import type { DesiredName, HeldName, ZonePlan, ZonePlanInput } from '../../src/plan/zone-plan.ts';
import { backoffDelayMs } from '../../src/protocol/backoff.ts';
import type { DnsProviderSpec } from '../../src/resources/dns-provider.ts';
import { withAids } from './aid-ids.ts';
import type { Connection, WantedZone } from './connection.ts';
import { createEmptyReadings } from './empty-reading.ts';
import type { EnactInput, Enactment } from './enactor.ts';
import { asPortolanError, providerFailureOf } from './failures.ts';
import { afterApplying, type Generations, NOTHING_YET, type ZoneMemory } from './generations.ts';
import { LATE_READS_MS, ledProvider } from './led-provider.ts';
import { createPasses } from './passes.ts';
import { fixFor, namingProvider, summaryOf } from './plan-lines.ts';
import { createRefusals } from './refusals.ts';

/** What is wanted of one name in a zone. */
export interface WantedName {
  readonly desired: DesiredName;
  /** What its sets lean on. */
  readonly aids: readonly AidSpec[];
}

/** How a zone stands, for statuses and for people. */
export interface ZoneState {
  /** The provider's name for it; empty until it was found. */
  readonly id: string;
  readonly memory: ZoneMemory;
  /** What is still to be done, as far as is known. */
  readonly plan: ZonePlan | undefined;
  /** Names that wait, those that the provider refused included. */
  readonly held: readonly HeldName[];
  readonly error: PortolanError | undefined;
  /** Monotonic milliseconds of the last reading. */
  readonly readAtMs: number | undefined;
  /** Names that are there as they are wanted; while a rollback holds the zone: as that generation wanted them. */
  readonly programmed: ReadonlySet<DomainName>;
  /** Names of which something else is wanted than what a rollback holds. */
  readonly heldBack: ReadonlySet<DomainName>;
}

export interface ZoneWorkerOptions {
  /** `namespace/provider/origin`, and the id where `spec.zones` gives one. */
  readonly key: string;
  readonly owner: string;
  readonly epoch: number;
  readonly wanted: WantedZone;
  readonly generations: Generations;
  readonly planZone: (input: ZonePlanInput) => ZonePlan;
  readonly enact: (input: EnactInput) => Promise<Enactment>;
  /** Asks the store whether this hub leads; rejects when the store does not answer. */
  readonly leads: () => Promise<boolean>;
  readonly kind: ProviderKind;
  readonly connection: () => Promise<Connection>;
  readonly spec: () => DnsProviderSpec;
  /** `undefined`: it is not known yet, so nothing is done. */
  readonly names: () => readonly WantedName[] | undefined;
  /** It is not known yet which challenges of certificates are wanted. */
  readonly keepsPassing?: () => boolean;
  /** Something of `state` is otherwise. */
  readonly onState: () => void;
  /** These names are there as they are wanted, newly or otherwise than before; or they are gone as they should be. */
  readonly onProgrammed: (changed: readonly DomainName[]) => void;
  /** Sets that lean on other aids than before were written. */
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
 * Keeps one zone at a provider as it is wanted. Whatever happened, the next pass reads what is wanted then, so the newest plan wins.
 * Nothing is written unless the store confirms that this hub leads.
 */
export interface ZoneWorker {
  /** Something that is wanted may be otherwise. */
  touch(): void;
  /** As `touch`, but does not wait for a pause after a failure: the DNSProvider or its Secret changed, or a person asks. */
  retry(): void;
  /** Forgets what was read: the next pass reads the zone. */
  reread(): void;
  /** Has the zone read again in the next pass, which waits for a pause after a failure. Resolves once it was read. */
  lookAgain(): Promise<void>;
  readonly state: ZoneState;
  /** The zone as it was read or written last. */
  readonly content: ZoneContent | undefined;
  readonly zone: ProviderZone | undefined;
  /** What would be done if `names` were wanted; `undefined` when the zone was not read yet. Never writes. */
  planFor(names: readonly WantedName[]): ZonePlan | undefined;
  /**
   * What would be done if what is remembered were changed so: by a rollback, its end, an approval. Nothing is stored or written. `undefined`
   * when the zone was not read yet, or it is not known what is wanted. @throws PortolanError PROVIDER_FROZEN
   */
  planAfter(change: (memory: ZoneMemory) => ZoneMemory): Promise<ZonePlan | undefined>;
  /** Changes what is remembered, durably. */
  remember(change: (memory: ZoneMemory) => ZoneMemory): Promise<void>;
  /** Resolves once what is remembered of the zone is there. */
  loaded(): Promise<void>;
  close(): Promise<void>;
}

const NO_NAMES: ReadonlySet<DomainName> = new Set();
const BACKOFF = { baseMs: 1_000, capMs: 60_000 };
/** One plan is tried for this long; then another is made of what is there. */
const PATIENCE_MS = 120_000;

export function createZoneWorker(options: ZoneWorkerOptions): ZoneWorker {
  const { key, clock, generations, log } = options;
  const closing = new AbortController();
  const isUnchecked = options.kind.capabilities.preconditions === 'none';
  const refusals = createRefusals(() => clock.monotonicMs());
  let connected: Connection | undefined;
  let memory: ZoneMemory = NOTHING_YET;
  let loading: Promise<void> | undefined;
  let saved: Promise<unknown> = Promise.resolve();
  let zone: ProviderZone | undefined;
  let content: ZoneContent | undefined;
  let readAtMs: number | undefined;
  let plan: ZonePlan | undefined;
  let error: PortolanError | undefined;
  let programmed: ReadonlySet<DomainName> = new Set();
  let aidIds: ReadonlyMap<string, string> = new Map();
  /** What we wrote last at each name, to know it again should its marker be removed. */
  let remembered: ReadonlyMap<DomainName, string> = new Map();
  /** Names that the generation before this one has records of. */
  let written: ReadonlySet<DomainName> = NO_NAMES;
  const emptyReadings = createEmptyReadings({
    key,
    origin: options.wanted.origin,
    owner: options.owner,
    monotonicMs: () => clock.monotonicMs(),
  });
  /** Content of the generation that a rollback holds. */
  let heldContent: { readonly generation: number; readonly names: readonly WantedName[] } | undefined;
  /** What a rollback held back when the zone was looked at last. */
  let keptBack: ReadonlySet<DomainName> = NO_NAMES;
  let newest: readonly WantedName[] | undefined;
  let heldBack: { readonly of: unknown; readonly from: unknown; readonly names: ReadonlySet<DomainName> } = {
    of: undefined,
    from: undefined,
    names: new Set(),
  };
  /** Where nothing is checked, the last write of a hub before this one may come after our first reading. */
  const lateReads = isUnchecked ? [...LATE_READS_MS] : [];

  /** Who waits for the next reading. */
  const lookers: (() => void)[] = [];

  const passes = createPasses({
    pass,
    onFailure: failed,
    onEnd: options.onState,
    clock,
  });

  /** The pass left off for a newer plan. */
  let overtaken = false;
  /** A plan waits for its next try: its conditions say whether what was read still holds. */
  let isWriteOwed = false;

  async function pass(): Promise<number | 'overtaken'> {
    overtaken = false;
    await loaded();
    const connection = await options.connection();
    connected = connection;
    const provider = await connection.provider();
    zone ??= await connection.locate(options.wanted);
    const found = zone;
    const looking = lookers.length;
    const isRetry = isWriteOwed && !isUnchecked;
    isWriteOwed = false;
    if (content === undefined || (isOld() && !isRetry) || looking > 0) {
      content = await connection.operate('read', key, (signal) => provider.read(found, signal));
      if (readAtMs !== undefined) lateReads.shift();
      readAtMs = clock.monotonicMs();
      for (const told of lookers.splice(0, looking)) told();
    }
    if (emptyReadings.doubt(content.sets, written) !== undefined) {
      content = await connection.operate('read', key, (signal) => provider.read(found, signal));
      readAtMs = clock.monotonicMs();
      const doubt = emptyReadings.doubt(content.sets, written);
      if (doubt !== undefined) {
        content = undefined;
        throw doubt;
      }
    }
    passes.looked();
    const wanted = options.names();
    newest = wanted;
    if (wanted !== undefined) await follow(connection, found, wanted);
    if (overtaken) return 'overtaken';
    // While nothing may be written, nothing is tried again either.
    return options.spec().frozen ? nextReadMs() : Math.min(nextReadMs(), Math.max(refusals.nextMs, soonMs()));
  }

  /** What is due and cannot be sent now (another hub leads) must not make passes turn in circles. */
  const soonMs = (): number => clock.monotonicMs() + 1_000;

  const everyMs = (): number => {
    const driftMs = options.spec().driftCheckSeconds * 1000;
    return Math.min(driftMs, lateReads[0] ?? driftMs);
  };
  const isOld = (): boolean => clock.monotonicMs() - (readAtMs ?? 0) >= everyMs() * 0.9;
  /** Zones that were read together come apart. */
  const nextReadMs = (): number =>
    (readAtMs ?? clock.monotonicMs()) + everyMs() * (0.95 + 0.1 * options.random());

  async function follow(
    connection: Connection,
    found: ProviderZone,
    names: readonly WantedName[],
  ): Promise<void> {
    const provider = await connection.provider();
    const { frozen } = options.spec();
    const wanted = await wantedNow(names);
    const specs = wanted.flatMap((name) => name.aids);
    const { aids } = provider;
    const lacks = specs.some((aid) => !aidIds.has(aid.key));
    if (aids !== undefined && lacks && !frozen && (await mayWrite()))
      aidIds = await connection.operate('aids', key, (signal) => aids.ensure(specs, signal));
    const { approved } = memory;
    let next = planNow(wanted, memory.generation + 1);
    plan = next;
    if (next.foundStamp !== undefined && next.foundStamp.epoch > options.epoch)
      throw new PortolanError(
        'PROVIDER_SUPERSEDED',
        `${key} was written by a hub with epoch ${next.foundStamp.epoch}; this one has ${options.epoch}`,
      );
    // I2: a hub before this one that was paused between its look and its request is refused only once the fence says otherwise.
    const claims = next.foundStamp !== undefined && next.foundStamp.epoch < options.epoch;
    const isDone = refusals.without(next.groups).length === 0 && !claims;
    if (isDone || frozen || !(await mayWrite())) return settle(wanted, next);
    const generation = await generations.next(key, foundGeneration(next));
    if (generation !== memory.generation + 1) next = planNow(wanted, generation);
    const sent: ZonePlan = { ...next, groups: refusals.without(next.groups) };
    plan = next;
    const result = await enactNow(connection, found, sent, claims);
    content = result.content;
    isWriteOwed = result.end === 'unavailable' || result.end === 'overtaken';
    for (const held of result.held) refusals.add(held, sent.groups);
    if (result.end !== 'applied') return ended(result, wanted);
    // All of it was refused: that is no generation, and tries of it must not push real ones out of the history.
    if (result.applied.length === 0 && result.held.length > 0 && content !== undefined) {
      plan = planNow(wanted, generation + 1);
      return settle(wanted, plan);
    }
    if (sent.groups.length > 0) {
      const at = new Date(clock.wallMs()).toISOString();
      const lasting = result.applied.filter((group) => group.passing !== true);
      // Challenges come and go by the minute: they are nothing to go back to, and must not push out what is.
      if (lasting.length === 0) await remember((known) => ({ ...known, generation }));
      else {
        await generations.keepContent(key, generation, lastingOf(wanted));
        await remember((known) =>
          afterApplying(known, { generation, at, summary: summaryOf({ groups: lasting }), approved }),
        );
      }
      remembered = digestsOf(wanted);
      written = namesOf(lastingOf(wanted));
      log.info({ zone: key, generation, changes: sent.groups.length }, 'a zone at a provider was changed');
    }
    if (content === undefined) {
      content = await connection.operate('read', key, (signal) => provider.read(found, signal));
      readAtMs = clock.monotonicMs();
    }
    plan = planNow(wanted, generation + 1);
    settle(
      wanted,
      plan,
      sent.groups.map((group) => group.name),
    );
    const leaned = sent.groups.some((group) => group.changes.some((c) => c.before?.native !== undefined));
    if (specs.length > 0 || leaned) options.onAidsChanged();
    // What another writer did meanwhile is repaired at once, but not in a tight loop.
    if (result.replan || refusals.without(plan.groups).length > 0)
      throw new ProviderError(
        'conflict',
        `${key} is not as it was written: somebody else writes the same records`,
      );
  }

  async function enactNow(
    connection: Connection,
    found: ProviderZone,
    sent: ZonePlan,
    claims: boolean,
  ): Promise<Enactment> {
    const begun = clock.monotonicMs();
    try {
      return await options.enact({
        provider: ledProvider({
          provider: await connection.provider(),
          connection,
          key,
          zone: found,
          leads: mayWrite,
          isUnchecked,
          onRead() {
            readAtMs = clock.monotonicMs();
          },
          onTrouble(thrown) {
            if (closing.signal.aborted) return;
            error = asPortolanError(thrown);
            options.onState();
          },
        }),
        capabilities: options.kind.capabilities,
        zone: found,
        plan: sent,
        claims,
        content: content ?? { sets: [], tokens: new Map<string, string>() },
        ...(readAtMs === undefined ? {} : { readAtMs }),
        clock,
        random: options.random,
        signal: closing.signal,
        isNewest: () => !passes.asked,
        untilMs: clock.monotonicMs() + PATIENCE_MS,
      });
    } finally {
      options.timed('apply', clock.monotonicMs() - begun);
    }
  }

  /** A plan that did not come to its end. What came of it is in `content`. */
  function ended(result: Enactment, wanted: readonly WantedName[]): void {
    if (content !== undefined) {
      plan = planNow(wanted, memory.generation + 1);
      settle(wanted, plan);
    }
    if (result.end === 'stopped') return;
    if (result.end === 'overtaken' && passes.asked) {
      // The newer plan meets the same provider: it has to wait as this one would have.
      if (result.failure !== undefined) throw result.failure;
      overtaken = true;
      return;
    }
    // A fence of our own epoch above our generation: look again.
    if (result.end === 'overtaken') content = undefined;
    if (result.end === 'conflict' || result.end === 'overtaken')
      throw new ProviderError('busy', `${key} changed while it was written`);
    throw result.failure ?? new ProviderError('transient', `${key} was not written`);
  }

  /** What is wanted: what the policies want, or while a rollback holds the zone what an earlier generation wanted. */
  async function wantedNow(names: readonly WantedName[]): Promise<readonly WantedName[]> {
    const { heldAtGeneration } = memory;
    if (heldAtGeneration === undefined) return names;
    if (heldContent?.generation !== heldAtGeneration)
      heldContent = { generation: heldAtGeneration, names: await contentOf(heldAtGeneration) };
    return withPassing(heldContent.names, names);
  }

  async function contentOf(generation: number): Promise<readonly WantedName[]> {
    const names = await generations.content(key, generation);
    if (names !== undefined) return names;
    throw new PortolanError(
      'PROVIDER_FROZEN',
      `the content of generation ${generation} is not kept any more`,
      {
        fix: `Run \`portolan provider resume ${key.split('/')[1] ?? ''} --zone ${options.wanted.origin}\`.`,
      },
    );
  }

  async function planAfter(change: (memory: ZoneMemory) => ZoneMemory): Promise<ZonePlan | undefined> {
    await loaded();
    if (newest === undefined || content === undefined) return undefined;
    const next = change(memory);
    const { heldAtGeneration } = next;
    const wanted =
      heldAtGeneration === undefined ? newest : withPassing(await contentOf(heldAtGeneration), newest);
    return planNow(wanted, memory.generation + 1, next);
  }

  /** Names of which something else is wanted than the generation that a rollback holds has. */
  function namesHeldBack(): ReadonlySet<DomainName> {
    if (memory.heldAtGeneration === undefined || heldContent?.generation !== memory.heldAtGeneration)
      return NO_NAMES;
    if (heldBack.of !== newest || heldBack.from !== heldContent) {
      const held = new Map(heldContent.names.map((name) => [name.desired.name, wantedText(name)]));
      const differ = lastingOf(newest ?? []).filter(
        (name) => name.desired.sets !== undefined && held.get(name.desired.name) !== wantedText(name),
      );
      heldBack = { of: newest, from: heldContent, names: new Set(differ.map(({ desired }) => desired.name)) };
    }
    return heldBack.names;
  }

  function planNow(wanted: readonly WantedName[], generation: number, known = memory): ZonePlan {
    const begun = clock.monotonicMs();
    const { deletions, maxRemovedPercent } = options.spec();
    const made = options.planZone({
      origin: options.wanted.origin,
      owner: options.owner,
      fence: { epoch: options.epoch, generation },
      current: content?.sets ?? [],
      desired: wanted.map(({ desired }) => withAids(desired, aidIds)),
      adopted: known.adopted,
      remembered,
      wholeGroups: options.kind.capabilities.preconditions === 'atomic',
      ownTypes: options.kind.capabilities.ownTypes,
      deletions,
      keepsPassing: options.keepsPassing?.() ?? true,
      maxRemovedPercent,
      approved: new Set(known.approved),
    });
    options.timed('plan', clock.monotonicMs() - begun);
    return namingProvider(made, key);
  }

  function settle(wanted: readonly WantedName[], made: ZonePlan, changed: readonly DomainName[] = []): void {
    refusals.keepOnly(made.groups);
    const waiting = new Set<DomainName>([...made.groups, ...made.held].map((group) => group.name));
    const next = new Set(
      wanted.flatMap(({ desired: { name, sets } }) =>
        sets === undefined || waiting.has(name) ? [] : [name],
      ),
    );
    const fresh = [...next].filter((name) => !programmed.has(name));
    // What was held back and is now wanted as it is held: from here on it is there as it is wanted.
    const back = namesHeldBack();
    const released = [...keptBack].filter((name) => !back.has(name) && next.has(name));
    keptBack = back;
    programmed = next;
    error = undefined;
    const all = [...new Set([...fresh, ...changed, ...released])];
    if (all.length > 0) options.onProgrammed(all);
    options.onState();
  }

  /** @returns milliseconds until the next try */
  function failed(thrown: unknown, failures: number): number {
    const found = asPortolanError(thrown);
    if (error?.message !== found.message)
      log.warn({ zone: key, err: found }, 'a zone at a provider is behind');
    error = found;
    const delayMs = backoffDelayMs(failures, options.random, BACKOFF);
    const cause = providerFailureOf(thrown);
    // Whatever is not certain is read before the next write.
    if (cause?.failure === 'ambiguous' || cause?.failure === 'conflict') content = undefined;
    if (cause?.failure === 'gone') {
      content = undefined;
      zone = undefined;
      connected?.forgetZones();
    }
    if (cause?.failure === 'throttled')
      return Math.max(delayMs, connected?.account.throttled(cause.retryAfterMs) ?? 0);
    return Math.max(delayMs, cause?.retryAfterMs ?? 0);
  }

  function mayWrite(): Promise<boolean> {
    return closing.signal.aborted ? Promise.resolve(false) : options.leads();
  }

  function foundGeneration({ foundStamp }: ZonePlan): number {
    return Math.max(memory.generation, foundStamp?.epoch === options.epoch ? foundStamp.generation : 0);
  }

  function loaded(): Promise<void> {
    loading ??= load().catch((thrown: unknown) => {
      loading = undefined;
      throw thrown;
    });
    return loading;
  }

  async function load(): Promise<void> {
    const found = await generations.load(key);
    // The newest generation that is kept: challenges of certificates may have come and gone after it.
    const newestKept = found.history[0]?.generation ?? found.generation;
    const names = newestKept === 0 ? undefined : await generations.content(key, newestKept);
    memory = found;
    remembered = digestsOf(names ?? []);
    written = namesOf(names ?? []);
  }

  function remember(change: (memory: ZoneMemory) => ZoneMemory): Promise<void> {
    memory = change(memory);
    const save = saved.then(() => generations.save(key, memory));
    saved = save.catch(() => undefined);
    return save;
  }

  return {
    touch: passes.ask,
    retry() {
      refusals.clear();
      emptyReadings.vouch();
      passes.askNow();
    },
    reread() {
      content = undefined;
    },
    lookAgain() {
      const looked = deferred<void>();
      lookers.push(looked.resolve);
      passes.ask();
      return looked.promise;
    },
    get state() {
      const held = plan?.held ?? [];
      return {
        id: zone?.id ?? '',
        memory,
        plan,
        held: [
          ...held,
          ...refusals.held
            .filter((refused) => !held.some((h) => h.name === refused.name))
            .map((refused) => ({ ...refused, fix: fixFor(refused.fix, key, options.wanted.origin) })),
        ],
        error,
        readAtMs,
        programmed,
        heldBack: namesHeldBack(),
      };
    },
    get content() {
      return content;
    },
    get zone() {
      return zone;
    },
    planFor: (names) => (content === undefined ? undefined : planNow(names, memory.generation + 1)),
    planAfter,
    remember,
    loaded,
    async close() {
      closing.abort(new ProviderError('transient', 'the zone is not looked after any more'));
      await passes.close();
      await saved;
    },
  };
}

/** The same text: the same records. Keys of aids stand in the sets. */
const wantedText = ({ desired: { sets } }: WantedName): string =>
  JSON.stringify(
    sets?.map(({ name, type, setId, ttlSeconds, values, native }) => [
      name,
      type,
      setId,
      ttlSeconds,
      values,
      native,
    ]),
  );

/** What people publish. */
function lastingOf(wanted: readonly WantedName[]): readonly WantedName[] {
  return wanted.some(({ desired }) => isChallenge(desired))
    ? wanted.filter(({ desired }) => !isChallenge(desired))
    : wanted;
}

/** What a rollback holds, and the challenges of this moment: certificates are renewed meanwhile, and no old challenge comes back. */
function withPassing(held: readonly WantedName[], now: readonly WantedName[]): readonly WantedName[] {
  const taken = new Set(held.map(({ desired }) => desired.name));
  const passing = now.filter(({ desired }) => isChallenge(desired) && !taken.has(desired.name));
  return passing.length === 0 ? held : [...held, ...passing];
}

function namesOf(wanted: readonly WantedName[]): ReadonlySet<DomainName> {
  return new Set(
    wanted.flatMap(({ desired: { name, sets } }) => (sets === undefined || sets.length === 0 ? [] : [name])),
  );
}

/** Names that lean on aids are told by their marker alone: ids of aids are not kept. */
function digestsOf(wanted: readonly WantedName[]): ReadonlyMap<DomainName, string> {
  return new Map(
    wanted.flatMap(({ desired: { name, sets }, aids }) =>
      sets === undefined || aids.length > 0 ? [] : [[name, digestOfOwn(name, sets)] as const],
    ),
  );
}
