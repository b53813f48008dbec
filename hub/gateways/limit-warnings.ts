import { type LimitSpec, limitRulesOf, MAX_COST } from '../../src/resources/rate-limit-policy.ts';
import { durationMs } from '../../src/resources/route-fields.ts';
import type { DesiredObject } from '../api/services.ts';
import type { Objects } from '../reconcile/objects.ts';
import { looksAtCallers } from './limit-fields.ts';

/** What a person should know of a RateLimitPolicy although it is stored: limits that cannot do what they seem to say. */
export function limitWarnings(
  { namespace, name, spec }: DesiredObject<'RateLimitPolicy'>,
  objects: Objects,
): readonly string[] {
  const { rules } = limitRulesOf(spec);
  const anonymous = spec.domain === undefined && !callersAreKnown(namespace, objects);
  return [
    ...(Object.keys(rules.limits).length === 0 ? ['it has no limit: nothing is limited by it'] : []),
    ...(rules.when?.includes('false') === true
      ? ['its condition is never true: nothing is limited by it']
      : []),
    ...rivals(namespace, name, spec.domain, objects),
    ...Object.entries(rules.limits).flatMap(([limitName, limit]) =>
      oneLimit(limit, anonymous).map((text) => `limit ${limitName}: ${text}`),
    ),
  ];
}

function oneLimit(limit: LimitSpec, anonymous: boolean): readonly string[] {
  const rates = [...limit.rates, ...Object.values(limit.plans).flatMap((plan) => plan.rates)];
  return [
    ...(limit.when.includes('false') ? ['its condition is never true: nothing is counted'] : []),
    ...(anonymous && looksAtCallers(limit)
      ? ['it looks at auth, but no AuthPolicy of this namespace says who calls: all callers share one count']
      : []),
    ...(rates.some((rate) => rate.limit === 0) && !limit.shadow
      ? ['a limit of 0 refuses every request that it applies to']
      : []),
    ...smallBurst(limit),
    ...(limit.onHubLoss === 'allow'
      ? [
          'onHubLoss allow is not exact: while the hub is away, clusters admit what they cannot count together',
        ]
      : []),
    ...(limit.cost?.response !== undefined && limit.cost.most === MAX_COST
      ? [
          `what answers cost is known afterwards: the limit may be passed by up to ${MAX_COST} hits for each request in flight; say in cost.most what an answer can cost`,
        ]
      : []),
  ];
}

/** A bucket that is empty before word comes from the hub lies idle the rest of the time. */
function smallBurst(limit: LimitSpec): readonly string[] {
  const [rate] = limit.rates;
  if (limit.algorithm !== 'token-bucket' || limit.burst === undefined || rate === undefined) return [];
  const halfSecond = Math.ceil((rate.limit * 500) / durationMs(rate.window));
  return limit.burst >= halfSecond
    ? []
    : [
        `a burst below ${halfSecond} (what its rate gives in half a second) cannot be used fully by several clusters`,
      ];
}

function callersAreKnown(namespace: string, objects: Objects): boolean {
  for (const policy of objects.AuthPolicy.values()) {
    if (policy.metadata.namespace === namespace || policy.metadata.namespace === 'default') return true;
  }
  return false;
}

function rivals(
  namespace: string,
  name: string,
  domain: string | undefined,
  objects: Objects,
): readonly string[] {
  if (domain === undefined) return [];
  const others = [...objects.RateLimitPolicy.values()].filter(
    ({ metadata, spec }) =>
      spec.domain === domain && metadata.namespace === namespace && metadata.name !== name,
  );
  return others.map(
    ({ metadata }) =>
      `${metadata.namespace}/${metadata.name} has the same domain: the older of the two holds`,
  );
}
