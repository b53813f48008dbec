import type { ProviderKind, ProviderZone } from '../../providers/contract.ts';
import type { WantedText } from '../../src/certificates/dns-challenge.ts';
import type { CompiledPolicy } from '../../src/routing/compiled.ts';
import type { RegionTable, StateView } from '../../src/routing/model.ts';
import type { World } from '../reconcile/world.ts';
import { type IndexedName, indexNames, type NameIndex } from './name-index.ts';
import { isUndecided, momentEndsInMs, momentOf } from './policy-moment.ts';
import { dsOf, type ReportedName, reportedName } from './reported-name.ts';
import type { HeldZone } from './zone-keys.ts';

/** What each zone should hold, as of a world and a moment. */
export interface Desired {
  /** Goes on to another world. @returns keys of zones whose names may be wanted otherwise */
  follow(world: World): ReadonlySet<string>;
  /** Looks at health and drains of this moment. @returns keys of zones in which something is wanted otherwise */
  look(): ReadonlySet<string>;
  /** Milliseconds until something changes by itself: a drain's ramp, or the end of waiting for first states. */
  endsInMs(): number;
  /** Names of a zone; each is compiled again only when what it is made from is otherwise. */
  of(zone: HeldZone, kind: ProviderKind, at: ProviderZone): readonly ReportedName[];
  /** As `of`, for another world at this moment, remembering nothing. */
  preview(world: World, zone: HeldZone, kind: ProviderKind, at: ProviderZone): readonly ReportedName[];
  readonly zones: readonly HeldZone[];
}

export interface DesiredOptions {
  readonly regions: RegionTable;
  readonly view: () => StateView;
  /** Challenges of certificates; the same array as long as nothing changed. */
  readonly texts: () => readonly WantedText[];
  readonly monotonicMs: () => number;
}

/**
 * A policy whose endpoints nobody has looked at yet would be published with all of them, dead ones included, and changed a second later:
 * its names wait this long for the first states.
 */
export const FIRST_STATES_MS = 6_000;

/** Begins the moment of a policy whose first states are waited for. */
const WAITS = 'waits ';

export function createDesired(options: DesiredOptions): Desired {
  let world: World | undefined;
  let index: NameIndex = new Map();
  /** What decides the records of an object at present, by kind and `namespace/name`. */
  let moments: ReadonlyMap<string, string> = new Map();
  /** When a compiled policy was seen first, monotonic milliseconds. */
  const seenMs = new WeakMap<CompiledPolicy, number>();
  /** By zone and name: what was made last, and of what. */
  const made = new Map<string, { readonly from: readonly unknown[]; readonly reported: ReportedName }>();

  const idOf = ({ kind, object }: IndexedName): string => `${kind}/${object}`;

  function momentsNow(of: NameIndex): ReadonlyMap<string, string> {
    const view = options.view();
    const next = new Map<string, string>();
    for (const { names } of of.values()) {
      for (const indexed of names) {
        const id = idOf(indexed);
        if (!next.has(id)) next.set(id, momentOfName(indexed, view));
      }
    }
    return next;
  }

  function momentOfName({ kind, object }: IndexedName, view: StateView): string {
    if (kind === 'Challenge') return '';
    if (kind === 'Zone') {
      const zone = world?.objects.Zone.get(object);
      return zone === undefined ? '' : JSON.stringify(dsOf(zone) ?? null);
    }
    const entry = world?.policies.get(object);
    const compiled = entry?.routed?.compiled;
    if (entry === undefined || compiled === undefined) return '';
    const isNative = entry.resource.spec.dns.decider === 'native';
    return `${isNative || !isWaiting(compiled, view) ? '' : WAITS}${momentOf(compiled, view)}`;
  }

  function isWaiting(policy: CompiledPolicy, view: StateView): boolean {
    const nowMs = options.monotonicMs();
    const since = seenMs.get(policy) ?? nowMs;
    seenMs.set(policy, since);
    return nowMs - since < FIRST_STATES_MS && isUndecided(policy, view);
  }

  /** Everything that a name is made from, besides the zone. */
  function inputsOf(indexed: IndexedName, of: World | undefined): readonly unknown[] {
    const { kind, object } = indexed;
    if (kind === 'Challenge') return indexed.text.values;
    if (kind === 'Zone') return [of?.objects.Zone.get(object)?.spec];
    const entry = of?.policies.get(object);
    return [entry?.routed, entry?.resource.spec];
  }

  /** Zones with names of objects whose moment is another one than in `before`. */
  function zonesOtherwise(before: ReadonlyMap<string, string>): Set<string> {
    const zones = new Set<string>();
    const changed = new Set([...moments].flatMap(([id, text]) => (before.get(id) === text ? [] : [id])));
    if (changed.size === 0) return zones;
    for (const [key, { names }] of index) if (names.some((n) => changed.has(idOf(n)))) zones.add(key);
    return zones;
  }

  return {
    follow(next) {
      const [before, known, was] = [index, world, moments];
      world = next;
      if (next.objects.DNSProvider.size === 0 && before.size === 0) return new Set();
      index = indexNames(next, options.texts());
      moments = momentsNow(index);
      const changed = zonesOtherwise(was);
      for (const [key, { zone, names }] of index) {
        const old = before.get(key);
        const same =
          old?.zone.resource.spec === zone.resource.spec &&
          old.names.length === names.length &&
          names.every((name, i) => {
            const other = old.names[i];
            return (
              other !== undefined &&
              other.name === name.name &&
              idOf(other) === idOf(name) &&
              sameItems(inputsOf(other, known), inputsOf(name, next))
            );
          });
        if (!same) changed.add(key);
      }
      const live = new Set([...index].flatMap(([key, { names }]) => names.map((n) => `${key} ${n.name}`)));
      for (const key of made.keys()) if (!live.has(key)) made.delete(key);
      return changed;
    },
    look() {
      if (index.size === 0) return new Set();
      const before = moments;
      moments = momentsNow(index);
      return zonesOtherwise(before);
    },
    endsInMs() {
      if (index.size === 0) return Number.POSITIVE_INFINITY;
      const view = options.view();
      const nowMs = options.monotonicMs();
      let endsInMs = Number.POSITIVE_INFINITY;
      for (const [id, moment] of moments) {
        const compiled = world?.policies.get(id.slice('TrafficPolicy/'.length))?.routed?.compiled;
        if (compiled === undefined || !id.startsWith('TrafficPolicy/')) continue;
        endsInMs = Math.min(endsInMs, momentEndsInMs(compiled, view));
        if (moment.startsWith(WAITS))
          endsInMs = Math.min(endsInMs, Math.max(0, (seenMs.get(compiled) ?? 0) + FIRST_STATES_MS - nowMs));
      }
      return endsInMs;
    },
    of(zone, kind, at) {
      const of = world;
      const held = index.get(zone.key);
      if (of === undefined || held === undefined) return [];
      const view = options.view();
      return held.names.map((indexed) => {
        const moment = moments.get(idOf(indexed)) ?? '';
        const key = `${zone.key} ${indexed.name}`;
        const from = [moment, at, held.zone.resource.spec, indexed.object, ...inputsOf(indexed, of)];
        const known = made.get(key);
        if (known !== undefined && sameItems(known.from, from)) return known.reported;
        const waits = moment.startsWith(WAITS);
        const reported = reportedName(indexed, {
          world: of,
          zone: held.zone,
          kind,
          at,
          view,
          regions: options.regions,
          waits,
        });
        made.set(key, { from, reported });
        return reported;
      });
    },
    preview(of, zone, kind, at) {
      const held = indexNames(of, options.texts(), zone.key).get(zone.key);
      const view = options.view();
      return (held?.names ?? []).map((indexed) =>
        reportedName(indexed, {
          world: of,
          zone: held?.zone ?? zone,
          kind,
          at,
          view,
          regions: options.regions,
          waits: false,
        }),
      );
    },
    get zones() {
      return [...index.values()].map(({ zone }) => zone);
    },
  };
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}
