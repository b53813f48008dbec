import { TYPE, typeName } from '../../src/dns/types.ts';
import { type BudgetConfig, chargeRemoval, DEFAULT_BUDGET, type Removal } from '../../src/plan/budget.ts';
import type { CompiledPolicy } from '../../src/routing/compiled.ts';
import { COUNTRIES } from '../../src/routing/countries.ts';
import { regionContains } from '../../src/routing/geography.ts';
import { countryLocation, UNLOCATED } from '../../src/routing/location.ts';
import type { Located, RoutedEndpoint } from '../../src/routing/model.ts';
import { typesAt } from '../../src/routing/policy-types.ts';
import type { ResidencySet } from '../../src/routing/residency.ts';
import type { AdmissionViolation, ProposedChange } from '../api/services.ts';
import { type Capacity, capacityOf, capacitySum, drainedClusters, type Moment } from './capacity.ts';
import { objectKey } from './objects.ts';
import type { World, WorldContext } from './world.ts';
import { isServed, servedOrigins } from './zones.ts';

export interface GuardInput {
  readonly world: World;
  /** The world as it would be. */
  readonly next: World;
  readonly context: WorldContext;
  readonly changes: readonly ProposedChange[];
  readonly moment: Moment;
  /** Removals already charged, per hostname. */
  readonly budget: ReadonlyMap<string, readonly Removal[]>;
  readonly budgetConfig?: BudgetConfig;
}

export interface GuardOutcome {
  readonly violations: readonly AdmissionViolation[];
  /** What to charge once the change is committed. */
  readonly charges: ReadonlyMap<string, readonly Removal[]>;
}

/**
 * What a person may override: LAST_CAPACITY (I4) and the change budget (I6), per hostname that is answered before and after.
 * A hostname that is taken out of every policy was taken out on purpose; one whose zone goes was not.
 */
export function capacityGuards(input: GuardInput): GuardOutcome {
  const { world, next, moment } = input;
  const violations: AdmissionViolation[] = [];
  const charges = new Map<string, readonly Removal[]>();
  const drainedBefore = drainedClusters(world, moment.wallMs);
  const drainedAfter = drainedClusters(next, moment.wallMs);
  const sameDrains = sameMembers(drainedBefore, drainedAfter);
  const zonesChange = world.objects.Zone !== next.objects.Zone;
  const originsBefore = servedOrigins(world);
  const originsAfter = servedOrigins(next);
  for (const [hostname, policyKey] of next.hostnames) {
    if (zonesChange && isServed(hostname, originsBefore) && !isServed(hostname, originsAfter)) {
      violations.push({
        change: Math.max(
          0,
          input.changes.findIndex((c) => c.key.kind === 'Zone' && loses(c, hostname)),
        ),
        path: 'spec.origin',
        code: 'LAST_CAPACITY',
        message: `${hostname} would be answered by nobody: no Zone would contain it`,
        fix: 'Create a Zone that contains it in the same change, or repeat with --force and a --reason.',
      });
      continue;
    }
    const will = next.policies.get(policyKey)?.routed;
    const was = world.policies.get(world.hostnames.get(hostname) ?? '')?.routed;
    if (was === undefined || will === undefined) continue;
    // The entry is reused when nothing it depends on changed; then only drains can matter.
    const unchanged = was.policy === will.policy;
    if (unchanged && sameDrains) continue;
    const before = capacityOf(world, hostname, drainedBefore, moment);
    const after = capacityOf(next, hostname, drainedAfter, moment);
    if (before === undefined || after === undefined) continue;
    const change = changeFor(
      input.changes,
      policyKey,
      before.endpoints.map((e) => e.cluster),
    );
    const lost =
      lostCapacity(before, after) ??
      lostRegion(before, after, will.compiled, input.context) ??
      (unchanged ? undefined : lostType(was.compiled, will.compiled));
    if (lost !== undefined) {
      violations.push({
        change,
        path: 'spec',
        code: 'LAST_CAPACITY',
        message: `${hostname} would have ${lost}`,
        fix: 'Bring another cluster back first, or repeat with --force and a --reason.',
      });
      continue;
    }
    if (unchanged) continue;
    // Only configuration is charged here: a drain is a person's explicit word, and a quorum's removal never comes this way.
    const gone = before.endpoints.filter((e) => !after.endpoints.some((kept) => overlaps(e, kept)));
    if (gone.length === 0) continue;
    const verdict = chargeRemoval(
      input.budget.get(hostname) ?? [],
      { atMs: moment.wallMs, capacity: capacitySum(gone), endpoints: gone.length },
      { capacity: capacitySum(before.endpoints), endpoints: before.endpoints.length },
      input.budgetConfig ?? DEFAULT_BUDGET,
    );
    if (verdict.allowed) {
      charges.set(hostname, verdict.history);
    } else {
      const wait =
        verdict.retryInMs === undefined
          ? 'Remove fewer endpoints at a time'
          : `Wait ${Math.ceil(verdict.retryInMs / 1000)} s, remove fewer endpoints at a time`;
      violations.push({
        change,
        path: 'spec.endpoints',
        code: 'CHANGE_BUDGET_EXCEEDED',
        message: `${hostname} would lose ${verdict.removedPercent} % of its capacity within 5 minutes (${gone.map((e) => e.name).join(', ')}); the limit is ${verdict.limitPercent} %`,
        fix: `${wait}, or repeat with --force and a --reason.`,
      });
    }
  }
  return { violations, charges };
}

/** True when the name lies in what the Zone was before this change. */
function loses(change: ProposedChange, hostname: string): boolean {
  const zone = change.type === 'create' ? undefined : change.current;
  return zone?.kind === 'Zone' && isServed(hostname, new Set([zone.spec.origin]));
}

function lostCapacity(before: Capacity, after: Capacity): string | undefined {
  if (before.serving.length === 0 || after.serving.length > 0) return undefined;
  return after.active.length === 0
    ? 'no active endpoint'
    : `only endpoints that are down (${namesOf(after.active)})`;
}

/** Clusters outside a residency region never stand in for those inside: each region must keep somebody of its own. */
function lostRegion(
  before: Capacity,
  after: Capacity,
  policy: CompiledPolicy,
  { regions }: WorldContext,
): string | undefined {
  for (const { region } of policy.source.residency) {
    const inside = (e: RoutedEndpoint): boolean => regionContains(regions, region, { country: e.country });
    if (!before.serving.some(inside) || after.serving.some(inside)) continue;
    const active = after.active.filter(inside);
    return active.length === 0
      ? `no active endpoint inside ${region}, where clusters outside must not answer`
      : `only endpoints that are down inside ${region} (${namesOf(active)}), where clusters outside must not answer`;
  }
  return undefined;
}

/** A record type that a place gets now and would not get any more. An alias answers every type. */
function lostType(before: CompiledPolicy, after: CompiledPolicy): string | undefined {
  for (const [place, located] of placesToldApart(before, after)) {
    const had = typesAt(before, located);
    const has = typesAt(after, located);
    for (const type of [TYPE.A, TYPE.AAAA, TYPE.CNAME]) {
      const kept = has.has(type) || has.has(TYPE.CNAME) || (type === TYPE.CNAME && has.size > 0);
      if (had.has(type) && !kept)
        return `no ${typeName(type)} record any more for clients ${place === undefined ? 'whose country is unknown' : `in ${place}`}`;
    }
  }
  return undefined;
}

/** One place of each kind that the residency rules of the two policies, taken together, tell apart. */
function placesToldApart(
  before: CompiledPolicy,
  after: CompiledPolicy,
): ReadonlyMap<string | undefined, Located> {
  const places = new Map<string | undefined, Located>([[undefined, UNLOCATED]]);
  if (before.source.residency.length + after.source.residency.length === 0) return places;
  const seen = new Map<ResidencySet, Set<ResidencySet>>();
  for (const country of COUNTRIES.keys()) {
    const was = before.residency.ofCountry(country);
    const will = after.residency.ofCountry(country);
    const known = seen.get(was) ?? new Set();
    if (known.has(will)) continue;
    seen.set(was, known.add(will));
    places.set(country, { location: countryLocation(country), prefixLength: 0, exact: true });
  }
  return places;
}

/** The same place to send clients to: it shares an address or the alias. A name that now means another machine is another endpoint. */
function overlaps(a: RoutedEndpoint, b: RoutedEndpoint): boolean {
  if (a.cname !== undefined || b.cname !== undefined) return a.cname?.name === b.cname?.name;
  return a.addresses.some(({ address }) => b.addresses.some((other) => other.address === address));
}

function namesOf(endpoints: readonly RoutedEndpoint[]): string {
  return endpoints.map((e) => e.name).join(', ');
}

function changeFor(
  changes: readonly ProposedChange[],
  policyKey: string,
  clusters: readonly string[],
): number {
  const index = changes.findIndex((c) => {
    if (c.key.kind === 'TrafficPolicy') return objectKey(c.key.namespace, c.key.name) === policyKey;
    if (c.key.kind === 'Drain' && c.type !== 'delete' && c.next.kind === 'Drain')
      return clusters.includes(objectKey(c.key.namespace, c.next.spec.cluster));
    return c.key.kind === 'Cluster' && clusters.includes(objectKey(c.key.namespace, c.key.name));
  });
  return Math.max(0, index);
}

function sameMembers(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((x) => b.has(x));
}
