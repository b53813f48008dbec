import type {
  OutboundGuard,
  ProviderClock,
  ProviderKind,
  ProviderZone,
  ZoneContent,
} from '../../providers/contract.ts';
import { ProviderError } from '../../providers/contract.ts';
import type { DomainName } from '../../src/dns/name.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { planZone } from '../../src/plan/plan-zone.ts';
import type { ZonePlan } from '../../src/plan/zone-plan.ts';
import type { DnsProviderSpec } from '../../src/resources/dns-provider.ts';
import type { RegionTable, StateView } from '../../src/routing/model.ts';
import type { ChallengeTexts } from '../certificates/dns-01/texts.ts';
import type { ObjectKey } from '../reconcile/objects.ts';
import type { World } from '../reconcile/world.ts';
import type { Store } from '../store/contract.ts';
import type { Account } from './account.ts';
import type { Connection } from './connection.ts';
import { createDesired } from './desired.ts';
import { enact } from './enactor.ts';
import { freshen, isFresh } from './fresh-zones.ts';
import { createGenerations, type Generations } from './generations.ts';
import {
  createProviderConnections,
  type OperationCount,
  type ProviderKinds,
} from './provider-connections.ts';
import type { ReportedName } from './reported-name.ts';
import { createZoneFinder, type HeldZone } from './zone-keys.ts';
import { createZoneWorker, type ZoneWorker } from './zone-worker.ts';

export interface DeskOptions {
  readonly kinds: ProviderKinds;
  readonly store: Pick<Store, 'getMeta' | 'putMeta' | 'increment' | 'secretData' | 'epoch' | 'hubUid'>;
  /** Asks the store whether this hub leads; rejects when the store does not answer. */
  readonly leads: () => Promise<boolean>;
  readonly regions: RegionTable;
  readonly view: () => StateView;
  /** Challenges of certificates; none when left out, and what stands of them stays. */
  readonly challenges?: Pick<ChallengeTexts, 'texts' | 'complete'> | undefined;
  readonly guard: OutboundGuard;
  /** Namespaces whose DNSProviders may use the hub's own credentials; `default` when left out. */
  readonly ownCredentials?: readonly string[] | undefined;
  /** Statuses may be due. */
  readonly onStatus: () => void;
  /** Names of a zone are there as they are wanted, some of them newly. */
  readonly onProgrammed?: (zone: DeskZone, changed: readonly DomainName[]) => void;
  /** `spec.verify` is otherwise: what was verified was by other servers. */
  readonly onVerifyChanged?: (zone: DeskZone) => void;
  /** A zone is not looked after any more. */
  readonly onForgotten?: (zone: DeskZone) => void;
  readonly clock: ProviderClock;
  readonly random: () => number;
  readonly log: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
  };
}

/** A zone that is looked after. */
export interface DeskZone {
  readonly held: HeldZone;
  readonly worker: ZoneWorker;
  readonly kind: ProviderKind;
  /** Names as they are wanted now, with their reports; empty until the zone was found at the provider. */
  readonly names: readonly ReportedName[];
  /** Instants since when names are there as they are wanted, RFC 3339, of those that changed since this hub started. */
  readonly programmedAt: ReadonlyMap<DomainName, string>;
}

/**
 * The part of the hub that drives DNS providers. Nothing is loaded, opened or asked before there is a DNSProvider, and nothing is done at all
 * before `start`.
 */
export interface ProviderDesk {
  /** From now on zones are read and written: what happened before this hub started was seen. */
  start(): void;
  /** The stored objects made another world. */
  follow(world: World): void;
  /** Health or drains are otherwise. */
  viewChanged(): void;
  /** Challenges of certificates are others. */
  challengesChanged(): void;
  readonly started: boolean;
  readonly zones: ReadonlyMap<string, DeskZone>;
  /** Zones that a hostname is published into, also before `start`. */
  zonesFor(namespace: string, hostname: DomainName): readonly HeldZone[];
  zonesOf(provider: ObjectKey): readonly DeskZone[];
  /** Why a DNSProvider cannot be used as it is. */
  problemOf(provider: ObjectKey): PortolanError | undefined;
  /** @throws PortolanError NOT_FOUND, PROVIDER_DENIED */
  connection(provider: ObjectKey): Promise<Connection>;
  kindOf(spec: DnsProviderSpec): ProviderKind;
  /** Has zones read again whose content is not fresh, and waits some seconds for that at most. Never rejects. */
  freshen(zones: readonly HeldZone[]): Promise<void>;
  /** What another world would have in a zone, and the changes that makes. Never writes. */
  preview(world: World, zone: HeldZone): Preview;
  readonly accounts: ReadonlyMap<string, Account>;
  readonly operations: readonly OperationCount[];
  readonly phases: Readonly<Record<'plan' | 'apply', { readonly count: number; readonly sumMs: number }>>;
  /** Seconds since each zone was read, by its key. */
  readonly readAges: ReadonlyMap<string, number>;
  readonly owner: string;
  close(): Promise<void>;
}

export type Preview =
  | {
      readonly known: true;
      readonly names: readonly ReportedName[];
      readonly plan: ZonePlan;
      readonly content: ZoneContent;
      /** Milliseconds since the zone was read, where that is not a moment ago. */
      readonly staleForMs?: number;
    }
  | { readonly known: false; readonly names: readonly ReportedName[]; readonly why: string };

/** Changes of health that come together make one pass. */
const GATHER_MS = 100;
/** Drains that ramp are looked at no more often. */
const RAMP_SPACING_MS = 30_000;

export function createProviderDesk(options: DeskOptions): ProviderDesk {
  const { store, clock, log } = options;
  const owner = store.hubUid.toLowerCase();
  const closing = new AbortController();
  const generations: Generations = createGenerations(store);
  const desired = createDesired({
    regions: options.regions,
    view: options.view,
    texts: () => options.challenges?.texts ?? [],
    monotonicMs: () => clock.monotonicMs(),
  });
  const zones = new Map<string, MutableZone>();
  const phases = { plan: { count: 0, sumMs: 0 }, apply: { count: 0, sumMs: 0 } };
  /** What ends in the background. */
  const ending = new Set<Promise<void>>();
  let world: World | undefined;
  let started = false;
  let wasComplete: boolean | undefined;
  let gathering: AbortController | undefined;
  let ramp: { readonly atMs: number; readonly cancel: AbortController } | undefined;

  interface MutableZone extends DeskZone {
    held: HeldZone;
    names: readonly ReportedName[];
    readonly programmedAt: Map<DomainName, string>;
  }

  function inBackground(work: Promise<void>): void {
    const watched = work
      .catch((thrown: unknown) => log.warn({ err: PortolanError.from(thrown) }, 'a DNS provider was left'))
      .finally(() => ending.delete(watched));
    ending.add(watched);
  }

  const connections = createProviderConnections({
    kinds: options.kinds,
    store,
    owner,
    guard: options.guard,
    ownCredentials: options.ownCredentials,
    onProblem: options.onStatus,
    inBackground,
    clock,
    random: options.random,
    signal: closing.signal,
  });

  // --- zones

  function beginZone(held: HeldZone, kind: ProviderKind): MutableZone {
    const programmedAt = new Map<DomainName, string>();
    const worker = createZoneWorker({
      key: held.key,
      owner,
      epoch: store.epoch,
      wanted: held.wanted,
      generations,
      planZone,
      enact,
      leads: options.leads,
      kind,
      connection: () => connections.of(held.provider),
      spec: () => zone.held.resource.spec,
      names: () => namesOf(zone),
      keepsPassing: () => options.challenges?.complete !== true,
      onState: options.onStatus,
      onProgrammed(changed) {
        const at = new Date(clock.wallMs()).toISOString();
        for (const name of programmedAt.keys())
          if (!worker.state.programmed.has(name)) programmedAt.delete(name);
        for (const name of changed) if (worker.state.programmed.has(name)) programmedAt.set(name, at);
        options.onProgrammed?.(zone, changed);
        options.onStatus();
      },
      onAidsChanged: () => inBackground(collectAids(zone)),
      timed(phase, durationMs) {
        phases[phase].count += 1;
        phases[phase].sumMs += durationMs;
      },
      clock,
      random: options.random,
      log,
    });
    const zone: MutableZone = { held, worker, kind, names: [], programmedAt };
    return zone;
  }

  function namesOf(zone: MutableZone): readonly ReportedName[] | undefined {
    const at = zone.worker.zone;
    if (world === undefined || at === undefined) return undefined;
    zone.names = desired.of(zone.held, zone.kind, at);
    return zone.names;
  }

  /**
   * What no zone leans on any more goes; but not while anything of this kind of provider is behind: records that are still there may
   * lean on it.
   */
  async function collectAids({ held: { key, provider }, kind }: MutableZone): Promise<void> {
    if (!zones.has(key)) return;
    const alike = [...zones.values()].filter((zone) => zone.kind === kind);
    const isBehind = (zone: MutableZone): boolean => {
      const { state, content } = zone.worker;
      if (state.error !== undefined || content === undefined || state.memory.heldAtGeneration !== undefined)
        return true;
      if ((state.plan?.groups.length ?? 1) > 0) return true;
      const waiting = new Set<DomainName>([
        ...state.held.map((h) => h.name),
        ...zone.names.flatMap((n) => (n.desired.sets === undefined ? [n.desired.name] : [])),
      ]);
      return content.sets.some((set) => set.native !== undefined && waiting.has(set.name));
    };
    if (alike.some(isBehind)) return;
    const connection = await connections.of(provider);
    const { aids } = await connection.provider();
    if (aids === undefined) return;
    const keep = new Set(alike.flatMap((zone) => zone.names.flatMap((n) => n.aids.map((aid) => aid.key))));
    if (!(await options.leads())) return;
    await connection.operate('aids', provider, (signal) => aids.collect(keep, signal));
  }

  // --- what happens

  function reconcile(next: World): void {
    const renewed = connections.follow(next);
    const held = new Map(desired.zones.map((zone) => [zone.key, zone]));
    for (const [key, zone] of zones) {
      const now = held.get(key);
      if (now !== undefined && connections.kindOf(now.resource.spec) === zone.kind) {
        const verify = JSON.stringify(zone.held.resource.spec.verify);
        zone.held = now;
        if (verify !== JSON.stringify(now.resource.spec.verify)) options.onVerifyChanged?.(zone);
        if (renewed.has(now.provider)) {
          zone.worker.reread();
          zone.worker.retry();
        }
        continue;
      }
      zones.delete(key);
      options.onForgotten?.(zone);
      inBackground(zone.worker.close());
    }
    for (const [key, zone] of held) {
      if (zones.has(key)) continue;
      const begun = beginZone(zone, connections.kindOf(zone.resource.spec));
      zones.set(key, begun);
      begun.worker.touch();
    }
  }

  function ageOf({ state: { readAtMs } }: ZoneWorker): { readonly staleForMs?: number } {
    if (readAtMs === undefined || isFresh(readAtMs, clock)) return {};
    return { staleForMs: clock.monotonicMs() - readAtMs };
  }

  function touch(keys: Iterable<string>): void {
    for (const key of keys) zones.get(key)?.worker.touch();
  }

  function look(): void {
    if (!started || closing.signal.aborted) return;
    touch(desired.look());
    const endsInMs = desired.endsInMs();
    if (!Number.isFinite(endsInMs)) return;
    const atMs = clock.monotonicMs() + Math.max(GATHER_MS, Math.min(endsInMs, RAMP_SPACING_MS));
    if (ramp !== undefined && ramp.atMs <= atMs) return;
    ramp?.cancel.abort();
    const cancel = new AbortController();
    ramp = { atMs, cancel };
    clock.wait(atMs - clock.monotonicMs(), cancel.signal).then(
      () => {
        ramp = undefined;
        look();
      },
      () => undefined,
    );
  }

  return {
    start() {
      if (started) return;
      started = true;
      if (world === undefined) return;
      desired.follow(world);
      reconcile(world);
      look();
    },
    follow(next) {
      world = next;
      if (!started || closing.signal.aborted) return;
      const changed = desired.follow(next);
      reconcile(next);
      touch(changed);
      look();
    },
    viewChanged() {
      if (!started || zones.size === 0 || gathering !== undefined || closing.signal.aborted) return;
      const cancel = new AbortController();
      gathering = cancel;
      clock.wait(GATHER_MS, cancel.signal).then(
        () => {
          gathering = undefined;
          look();
        },
        () => undefined,
      );
    },
    challengesChanged() {
      if (!started || world === undefined || closing.signal.aborted) return;
      const changed = desired.follow(world);
      // Once all is known, what is left over of others may go.
      touch(options.challenges?.complete === wasComplete ? changed : zones.keys());
      wasComplete = options.challenges?.complete;
    },
    get started() {
      return started;
    },
    zones,
    zonesFor(namespace, hostname) {
      return world === undefined ? [] : createZoneFinder(world).of(namespace, hostname);
    },
    zonesOf: (provider) => [...zones.values()].filter((zone) => zone.held.provider === provider),
    problemOf: connections.problemOf,
    connection: connections.of,
    kindOf: connections.kindOf,
    freshen: (wanted) =>
      freshen(
        wanted.flatMap(({ key }) => zones.get(key)?.worker ?? []),
        clock,
      ),
    preview(of, zone) {
      const kind = connections.kindOf(zone.resource.spec);
      const known = zones.get(zone.key);
      const at: ProviderZone = known?.worker.zone ?? {
        origin: zone.wanted.origin,
        id: zone.wanted.id ?? '',
        private: zone.wanted.private,
        nameServers: [],
      };
      const names = desired.preview(of, zone, kind, at);
      const content = known?.worker.content;
      const plan = known?.worker.planFor(names);
      if (known !== undefined && content !== undefined && plan !== undefined)
        return { known: true, names, plan, content, ...ageOf(known.worker) };
      return {
        known: false,
        names,
        why: known?.worker.state.error?.message ?? 'the zone has not been read yet',
      };
    },
    accounts: connections.accounts,
    get operations() {
      return connections.operations;
    },
    phases,
    get readAges() {
      const nowMs = clock.monotonicMs();
      return new Map(
        [...zones].flatMap(([key, { worker }]) =>
          worker.state.readAtMs === undefined ? [] : [[key, (nowMs - worker.state.readAtMs) / 1000]],
        ),
      );
    },
    owner,
    async close() {
      closing.abort(new ProviderError('transient', 'the hub is stopping'));
      gathering?.abort();
      ramp?.cancel.abort();
      await Promise.all([...zones.values()].map((zone) => zone.worker.close()));
      await connections.close();
      await Promise.all([...ending]);
    },
  };
}
