import type { DrillSpec } from '../../src/resources/drill.ts';
import { regionContains } from '../../src/routing/geography.ts';
import type { RoutedEndpoint } from '../../src/routing/model.ts';
import {
  type Capacity,
  capacityOf,
  capacitySum,
  drainedClusters,
  type Moment,
} from '../reconcile/capacity.ts';
import type { World, WorldContext } from '../reconcile/world.ts';
import type { AnswerSample, RequestTotals } from './observations.ts';
import { rampPercent } from './outcome.ts';
import { rampsOf } from './shares.ts';

/** A guard with its figures: quoted when it refuses and in the plan. */
export interface GuardVerdict {
  readonly name: 'capacity' | 'residency' | 'error-rate' | 'target' | 'ramp';
  readonly ok: boolean;
  readonly detail: string;
}

/** Hostnames that have an endpoint on the cluster. */
export function hostnamesUsing(world: World, cluster: string): readonly string[] {
  return [...world.hostnames]
    .filter(([, key]) => world.policies.get(key)?.routed?.policy.endpoints.some((e) => e.cluster === cluster))
    .map(([hostname]) => hostname)
    .sort();
}

/** Judges capacity and residency as they are without the cluster. Pure; used for the plan, at the start and while it runs. */
export function standingGuards(
  world: World,
  context: WorldContext,
  spec: DrillSpec,
  cluster: string,
  moment: Moment,
): readonly GuardVerdict[] {
  const hostnames = hostnamesUsing(world, cluster);
  if (hostnames.length === 0) {
    return [
      {
        name: 'target',
        ok: false,
        detail: `no hostname has an endpoint on ${cluster}: the drill would show nothing`,
      },
    ];
  }
  const drained = drainedClusters(world, moment.wallMs);
  const standing = hostnames.flatMap((hostname) => {
    const capacity = capacityOf(world, hostname, drained, moment);
    return capacity === undefined
      ? []
      : [
          capacityGuard(hostname, capacity, cluster, spec),
          ...residencyGuards(world, context, hostname, capacity, cluster),
        ];
  });
  return [...standing, ...rampNotes(world, spec, cluster)];
}

/** Refuses nothing: a drain may be shorter than a ramp, but then the answers are not what they are at the ramp's end. */
function rampNotes(
  world: World,
  { action, durationSeconds }: DrillSpec,
  cluster: string,
): readonly GuardVerdict[] {
  if (action !== 'drain') return [];
  return rampsOf(world, cluster)
    .filter(({ seconds }) => seconds > durationSeconds)
    .map(({ policy, seconds }) => ({
      name: 'ramp',
      ok: true,
      detail: `${policy}: its drainRampSeconds (${seconds}) is longer than the ${durationSeconds} s of the drill, which ends when ${rampPercent(durationSeconds * 1000, seconds)} % of the weight of ${cluster} is taken`,
    }));
}

function capacityGuard(hostname: string, capacity: Capacity, cluster: string, spec: DrillSpec): GuardVerdict {
  const total = capacitySum(capacity.endpoints);
  const left = capacitySum(outside(capacity.serving, cluster));
  const percent = total === 0 ? 0 : Math.round((left / total) * 100);
  const needed = spec.guards.minCapacityPercent;
  return {
    name: 'capacity',
    ok: left > 0 && percent >= needed,
    detail: `${hostname}: ${percent} % of the capacity is healthy outside ${cluster}; ${needed} % needed`,
  };
}

function residencyGuards(
  world: World,
  context: WorldContext,
  hostname: string,
  capacity: Capacity,
  cluster: string,
): readonly GuardVerdict[] {
  const policy = world.policies.get(world.hostnames.get(hostname) ?? '')?.routed?.policy;
  return (policy?.residency ?? []).flatMap((rule) => {
    const inside = capacity.endpoints.filter((e) =>
      regionContains(context.regions, rule.region, { country: e.country }),
    );
    if (!inside.some((e) => e.cluster === cluster)) return [];
    const left = outside(capacity.serving, cluster).filter((e) => inside.includes(e));
    const names = left.map((e) => e.name).join(', ');
    return [
      left.length > 0
        ? { name: 'residency' as const, ok: true, detail: `${hostname}: ${rule.region} keeps ${names}` }
        : {
            name: 'residency' as const,
            ok: false,
            detail: `${hostname}: no healthy endpoint would be left inside ${rule.region}; clusters outside must not answer there`,
          },
    ];
  });
}

/** Judges requests and errors at the backends; silent while too few requests came. */
export function errorRateGuard(
  { requests, errors }: RequestTotals,
  maxPercent: number,
): GuardVerdict | undefined {
  const MIN_REQUESTS = 20;
  if (requests < MIN_REQUESTS) return undefined;
  const percent = Math.round((errors / requests) * 1000) / 10;
  return {
    name: 'error-rate',
    ok: percent <= maxPercent,
    detail: `${errors} of ${requests} requests failed (${percent} %); ${maxPercent} % allowed`,
  };
}

/** An observed answer that breaks a residency rule: a fault of the whole system, so the drill ends at once. */
export function residencyBreach(
  world: World,
  context: WorldContext,
  sample: AnswerSample,
): GuardVerdict | undefined {
  const policy = world.policies.get(world.hostnames.get(sample.hostname) ?? '')?.routed?.policy;
  for (const rule of policy?.residency ?? []) {
    if (!regionContains(context.regions, rule.region, { country: sample.country })) continue;
    const outsideEndpoint = policy?.endpoints.find(
      (e) =>
        !regionContains(context.regions, rule.region, { country: e.country }) &&
        addressesOf(e).some((a) => sample.answers.includes(a)),
    );
    if (outsideEndpoint !== undefined) {
      return {
        name: 'residency',
        ok: false,
        detail: `${sample.server} answered ${sample.hostname} for ${sample.country} with ${outsideEndpoint.name}, outside ${rule.region}`,
      };
    }
  }
  return undefined;
}

/** What an answer with this endpoint contains. */
export function addressesOf(endpoint: RoutedEndpoint): readonly string[] {
  return endpoint.cname === undefined ? endpoint.addresses.map((a) => a.address) : [endpoint.cname.name];
}

function outside(endpoints: readonly RoutedEndpoint[], cluster: string): readonly RoutedEndpoint[] {
  return endpoints.filter((e) => e.cluster !== cluster);
}
