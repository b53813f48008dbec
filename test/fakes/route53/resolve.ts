import type { ApiSet } from './sets.ts';
import { apiName, policiesOf } from './sets.ts';

/**
 * How Route 53 answers from the sets of a zone, after "How Amazon Route 53 chooses records when health checking is configured" and "How Route 53
 * chooses records in more complex configurations" of the Developer Guide. Exact: every answer comes with how probable it is, so that tests need no samples.
 */

export interface Place {
  /** ISO 3166-1; absent: unknown. */
  readonly country?: string | undefined;
  readonly continent?: string | undefined;
  /** Two letters, of the United States. */
  readonly state?: string | undefined;
}

export interface Likely {
  readonly probability: number;
  readonly type: string;
  readonly ttlSeconds: number;
  /** Presentation form as in the zone. */
  readonly values: readonly string[];
}

export interface World {
  readonly sets: readonly ApiSet[];
  /** Status of a health check by its id. */
  readonly healthy: (healthCheckId: string) => boolean;
}

/** "Route 53 responds with up to eight healthy records." */
const MULTIVALUE = 8;

/** What is answered at `name`, exactly as it stands there (no wildcards). Empty: NODATA. */
export function answersAt(world: World, name: string, type: string, place: Place): readonly Likely[] {
  const at = apiName(name);
  const sets = world.sets.filter((set) => set.Name === at && set.Type === type);
  if (sets.length === 0) {
    return type === 'CNAME' || !world.sets.some((set) => set.Name === at && set.Type === 'CNAME')
      ? []
      : answersAt(world, name, 'CNAME', place);
  }
  return chosen(world, sets, place).flatMap(({ set, probability }) =>
    contentOf(world, set, place).map((answer) => ({
      ...answer,
      probability: answer.probability * probability,
    })),
  );
}

function contentOf(world: World, set: ApiSet | readonly ApiSet[], place: Place): readonly Likely[] {
  const [first, ...others] = isList(set) ? set : [set];
  if (first === undefined) return [];
  const alias = first.AliasTarget;
  if (alias !== undefined && others.length === 0)
    return answersAt(world, alias.DNSName ?? '', first.Type, place);
  const values = [first, ...others].flatMap((one) =>
    (one.ResourceRecords ?? []).map(({ Value }) => Value ?? ''),
  );
  return [{ probability: 1, type: first.Type, ttlSeconds: first.TTL ?? 0, values }];
}

interface Choice {
  readonly set: ApiSet | readonly ApiSet[];
  readonly probability: number;
}

function chosen(world: World, sets: readonly ApiSet[], place: Place): readonly Choice[] {
  const [first] = sets;
  switch (first === undefined ? undefined : policiesOf(first)[0]) {
    case 'Weight':
      return weighted(world, sets, place);
    case 'Failover': {
      const primary = sets.find((set) => set.Failover === 'PRIMARY');
      const secondary = sets.find((set) => set.Failover === 'SECONDARY');
      // Both unhealthy: "Route 53 responds with the primary".
      const use =
        primary !== undefined && isHealthy(world, primary, place)
          ? primary
          : secondary !== undefined && isHealthy(world, secondary, place)
            ? secondary
            : (primary ?? secondary);
      return use === undefined ? [] : [{ set: use, probability: 1 }];
    }
    case 'GeoLocation': {
      const matching = byPlace(sets, place);
      const use = matching.find((set) => isHealthy(world, set, place)) ?? matching[0];
      return use === undefined ? [] : [{ set: use, probability: 1 }];
    }
    case 'MultiValueAnswer': {
      const healthy = sets.filter((set) => isHealthy(world, set, place));
      return [{ set: (healthy.length > 0 ? healthy : sets).slice(0, MULTIVALUE), probability: 1 }];
    }
    default:
      return first === undefined ? [] : [{ set: first, probability: 1 }];
  }
}

/**
 * Records with a weight above 0 are considered first; those with 0 only when all of them are unhealthy; when nothing is healthy, everything
 * counts as healthy. All weights 0: equal probability.
 */
function weighted(world: World, sets: readonly ApiSet[], place: Place): readonly Choice[] {
  const heavy = sets.filter((set) => (set.Weight ?? 0) > 0);
  const light = sets.filter((set) => (set.Weight ?? 0) === 0);
  const healthyIn = (some: readonly ApiSet[]): readonly ApiSet[] =>
    some.filter((set) => isHealthy(world, set, place));
  const candidates = [healthyIn(heavy), healthyIn(light), heavy, light].find((some) => some.length > 0) ?? [];
  const total = candidates.reduce((sum, set) => sum + (set.Weight ?? 0), 0);
  return candidates.map((set) => ({
    set,
    probability: total === 0 ? 1 / candidates.length : (set.Weight ?? 0) / total,
  }));
}

/** The smallest region first: state, country, continent, default. */
function byPlace(sets: readonly ApiSet[], place: Place): readonly ApiSet[] {
  const find = (match: (geo: NonNullable<ApiSet['GeoLocation']>) => boolean): readonly ApiSet[] =>
    sets.filter(({ GeoLocation: geo }) => geo !== undefined && match(geo));
  return [
    ...(place.state === undefined
      ? []
      : find((geo) => geo.CountryCode === place.country && geo.SubdivisionCode === place.state)),
    ...(place.country === undefined
      ? []
      : find((geo) => geo.CountryCode === place.country && geo.SubdivisionCode === undefined)),
    ...(place.continent === undefined ? [] : find((geo) => geo.ContinentCode === place.continent)),
    ...find((geo) => geo.CountryCode === '*'),
  ];
}

/**
 * Without a health check a record is healthy; an alias that evaluates its target is as healthy as at least one record there.
 */
function isHealthy(world: World, set: ApiSet, place: Place): boolean {
  if (set.HealthCheckId !== undefined && !world.healthy(set.HealthCheckId)) return false;
  const alias = set.AliasTarget;
  if (alias?.EvaluateTargetHealth !== true) return true;
  const targets = world.sets.filter((one) => one.Name === alias.DNSName && one.Type === set.Type);
  if (targets.some((target) => target.GeoLocation !== undefined)) {
    return byPlace(targets, place).some((target) => isHealthy(world, target, place));
  }
  return targets.some((target) => isHealthy(world, target, place));
}

function isList(value: ApiSet | readonly ApiSet[]): value is readonly ApiSet[] {
  return Array.isArray(value);
}
