import type { ProviderKind, ProviderZone } from '../../providers/contract.ts';
import type { DomainName } from '../../src/dns/name.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { CompileReport } from '../../src/plan/compile-report.ts';
import { type CompiledName, compileName } from '../../src/plan/native-or-computed.ts';
import { poolSuffix } from '../../src/plan/ownership.ts';
import type { CompiledPolicy } from '../../src/routing/compiled.ts';
import type { RegionTable, StateView } from '../../src/routing/model.ts';
import type { ObjectKey } from '../reconcile/objects.ts';
import type { PolicyEntry, World } from '../reconcile/world.ts';
import { isUndecided, momentEndsInMs, momentOf } from './policy-moment.ts';
import { createZoneFinder, type HeldZone } from './zone-keys.ts';
import type { WantedName } from './zone-worker.ts';

/** A name that is wanted in a zone, with what is said of it. */
export interface WishedName extends WantedName {
  /** `namespace/name` of the TrafficPolicy. */
  readonly policy: ObjectKey;
  readonly report: CompileReport;
  /** Why `desired.sets` is not there although nothing is refused. */
  readonly pending?: string;
  /** What verifying goes by. */
  readonly compiled: CompiledName | undefined;
}

/** What one zone should hold, as of a world and a moment. */
export interface Desired {
  /** Goes on to another world. @returns keys of zones whose names may be wanted otherwise */
  follow(world: World): ReadonlySet<string>;
  /** Looks at health and drains of this moment. @returns keys of zones that some changed policy has names in */
  look(): ReadonlySet<string>;
  /** Milliseconds until something changes by itself: a drain's ramp, or the end of waiting for first states. */
  endsInMs(): number;
  /** Names of a zone; each is compiled again only when its policy, its moment or the zone is another one. */
  of(zone: HeldZone, kind: ProviderKind, at: ProviderZone): readonly WishedName[];
  /** As `of`, for another world at this moment, remembering nothing. */
  preview(world: World, zone: HeldZone, kind: ProviderKind, at: ProviderZone): readonly WishedName[];
  readonly zones: readonly HeldZone[];
  /** Zones of a policy's hostnames. */
  zonesOf(policy: ObjectKey): ReadonlySet<string>;
}

export interface DesiredOptions {
  readonly regions: RegionTable;
  readonly view: () => StateView;
  readonly monotonicMs: () => number;
}

/**
 * A policy whose endpoints nobody has looked at yet would be published with all of them, dead ones included, and changed a second later:
 * its names wait this long for the first states.
 */
export const FIRST_STATES_MS = 6_000;

/** Every hostname of a zone, with the policy it belongs to. */
type Index = ReadonlyMap<
  string,
  { readonly zone: HeldZone; readonly names: readonly (readonly [DomainName, ObjectKey])[] }
>;

const NO_INDEX: Index = new Map();

export function createDesired(options: DesiredOptions): Desired {
  let world: World | undefined;
  let index: Index = NO_INDEX;
  let moments = new Map<ObjectKey, string>();
  /** When a compiled policy was seen first, monotonic milliseconds. */
  const seenMs = new WeakMap<CompiledPolicy, number>();
  const compiledNames = new Map<
    string,
    {
      readonly key: string;
      readonly entry: PolicyEntry;
      readonly resource: object;
      readonly at: ProviderZone;
      readonly wished: WishedName;
    }
  >();

  function policiesIn(of: Index): ReadonlySet<ObjectKey> {
    return new Set([...of.values()].flatMap(({ names }) => names.map(([, policy]) => policy)));
  }

  function isWaiting(policy: CompiledPolicy, view: StateView, native: boolean): boolean {
    if (native) return false;
    const nowMs = options.monotonicMs();
    const since = seenMs.get(policy) ?? nowMs;
    seenMs.set(policy, since);
    return nowMs - since < FIRST_STATES_MS && isUndecided(policy, view);
  }

  function momentsNow(): Map<ObjectKey, string> {
    const view = options.view();
    const next = new Map<ObjectKey, string>();
    for (const key of policiesIn(index)) {
      const entry = world?.policies.get(key);
      const compiled = entry?.routed?.compiled;
      if (entry === undefined || compiled === undefined) {
        next.set(key, '');
        continue;
      }
      const waits = isWaiting(compiled, view, entry.resource.spec.dns.decider === 'native');
      next.set(key, `${waits ? 'waits ' : ''}${momentOf(compiled, view)}`);
    }
    return next;
  }

  function zonesWith(policies: ReadonlySet<ObjectKey>): ReadonlySet<string> {
    const zones = new Set<string>();
    for (const [key, { names }] of index)
      if (names.some(([, policy]) => policies.has(policy))) zones.add(key);
    return zones;
  }

  function wish(
    of: World,
    zone: HeldZone,
    kind: ProviderKind,
    at: ProviderZone,
    hostname: DomainName,
    policy: ObjectKey,
    waits: boolean,
  ): WishedName {
    const entry = of.policies.get(policy);
    const resource = `trafficpolicy/${policy}`;
    const stays = { name: hostname, resource, sets: undefined, types: TYPES, shared: false };
    const refusal = (message: string, fix: string): WishedName => ({
      policy,
      desired: stays,
      aids: [],
      compiled: undefined,
      report: {
        hostname,
        provider: zone.provider,
        zone: zone.wanted.origin,
        outcome: 'refused',
        features: [],
        refusal: { message, fix },
        hubDown: 'Nothing is changed at the provider, with the hub or without.',
      },
    });
    if (entry?.routed === undefined) {
      const first = entry?.violations[0];
      return refusal(first?.message ?? 'The policy is not valid.', first?.fix ?? 'Correct the policy.');
    }
    const { compiled } = entry.routed;
    const { dns } = entry.resource.spec;
    try {
      const suffix = poolSuffix(zone.wanted.origin, hostname);
      const made = compileName({
        policy: compiled,
        hostname,
        dns,
        state: options.view(),
        regions: options.regions,
        target: (id) => of.targets.get(id),
        zone: zone.wanted.origin,
        provider: {
          name: zone.provider,
          healthChecks: kind.capabilities.healthChecks,
          ttl: kind.capabilities.ttl,
          ownTypes: kind.capabilities.ownTypes,
          compile: (placement) =>
            kind.compile({ placement, zone: at, spec: zone.resource.spec, poolSuffix: suffix }),
        },
      });
      const { desired, aids, report } = made;
      if (!waits) return { policy, desired, aids, report, compiled: made };
      const pending = 'waits for the first states of its endpoints';
      return { policy, desired: { ...desired, sets: undefined }, aids, report, compiled: made, pending };
    } catch (thrown) {
      // One name that cannot be compiled keeps no other one back.
      const error = PortolanError.from(thrown);
      return refusal(error.message, error.fix);
    }
  }

  function namesOf(of: World, only?: string): Index {
    const finder = createZoneFinder(of);
    const zones = new Map<string, { zone: HeldZone; names: (readonly [DomainName, ObjectKey])[] }>();
    for (const zone of finder.all)
      if (only === undefined || zone.key === only) zones.set(zone.key, { zone, names: [] });
    if (zones.size === 0) return zones;
    for (const [key, entry] of of.policies) {
      for (const hostname of entry.resource.spec.hostnames) {
        // A policy that does not resolve keeps what it has; a name of another policy's is not its.
        const owner = of.hostnames.get(hostname);
        if (owner !== undefined && owner !== key) continue;
        for (const zone of finder.of(entry.resource.metadata.namespace, hostname))
          zones.get(zone.key)?.names.push([hostname, key]);
      }
    }
    return zones;
  }

  return {
    follow(next) {
      const before = index;
      const known = world;
      world = next;
      if (next.objects.DNSProvider.size === 0 && before.size === 0) return new Set();
      index = namesOf(next);
      moments = momentsNow();
      const changed = new Set<string>();
      for (const [key, { zone, names }] of index) {
        const was = before.get(key);
        const same =
          was !== undefined &&
          was.zone.resource.spec === zone.resource.spec &&
          was.names.length === names.length &&
          names.every(
            ([name, policy], i) =>
              was.names[i]?.[0] === name &&
              was.names[i]?.[1] === policy &&
              known?.policies.get(policy)?.routed === next.policies.get(policy)?.routed &&
              known?.policies.get(policy)?.resource.metadata.generation ===
                next.policies.get(policy)?.resource.metadata.generation,
          );
        if (!same) changed.add(key);
      }
      const live = new Set([...index].flatMap(([key, { names }]) => names.map(([name]) => `${key} ${name}`)));
      for (const key of compiledNames.keys()) if (!live.has(key)) compiledNames.delete(key);
      return changed;
    },
    look() {
      if (index.size === 0) return new Set();
      const next = momentsNow();
      const changed = new Set([...next].flatMap(([key, text]) => (moments.get(key) === text ? [] : [key])));
      moments = next;
      return changed.size === 0 ? changed : zonesWith(changed);
    },
    endsInMs() {
      if (index.size === 0) return Number.POSITIVE_INFINITY;
      const view = options.view();
      let endsInMs = Number.POSITIVE_INFINITY;
      for (const [key, moment] of moments) {
        const compiled = world?.policies.get(key)?.routed?.compiled;
        if (compiled === undefined) continue;
        endsInMs = Math.min(endsInMs, momentEndsInMs(compiled, view));
        if (moment.startsWith('waits '))
          endsInMs = Math.min(
            endsInMs,
            Math.max(0, (seenMs.get(compiled) ?? 0) + FIRST_STATES_MS - options.monotonicMs()),
          );
      }
      return endsInMs;
    },
    of(zone, kind, at) {
      const of = world;
      const held = index.get(zone.key);
      if (of === undefined || held === undefined) return [];
      return held.names.flatMap(([hostname, policy]) => {
        const entry = of.policies.get(policy);
        if (entry === undefined) return [];
        const key = moments.get(policy) ?? '';
        const cached = compiledNames.get(`${zone.key} ${hostname}`);
        if (
          cached?.key === key &&
          cached.entry.routed === entry.routed &&
          cached.entry.resource.metadata.generation === entry.resource.metadata.generation &&
          cached.resource === zone.resource.spec &&
          cached.at === at
        )
          return [cached.wished];
        const wished = wish(of, zone, kind, at, hostname, policy, key.startsWith('waits '));
        compiledNames.set(`${zone.key} ${hostname}`, {
          key,
          entry,
          resource: zone.resource.spec,
          at,
          wished,
        });
        return [wished];
      });
    },
    preview(of, zone, kind, at) {
      const held = namesOf(of, zone.key).get(zone.key);
      return (held?.names ?? []).map(([hostname, policy]) =>
        wish(of, held?.zone ?? zone, kind, at, hostname, policy, false),
      );
    },
    get zones() {
      return [...index.values()].map(({ zone }) => zone);
    },
    zonesOf: (policy) => zonesWith(new Set([policy])),
  };
}

const TYPES: readonly string[] = ['A', 'AAAA', 'CNAME'];
