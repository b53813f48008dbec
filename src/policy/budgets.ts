import type { QuotaWindow } from '../quota/budget.ts';
import type { SpokeBudget } from '../quota/spoke-contract.ts';
import type { Resource } from '../resources/catalogue.ts';
import {
  CALENDAR_UNITS,
  floorPercent,
  type LimitSpec,
  limitRulesOf,
  type RateSpec,
} from '../resources/rate-limit-policy.ts';
import { durationMs } from '../resources/route-fields.ts';
import { HUB_NAMESPACE } from './policy-index.ts';

/** The budgets of a limit: one for each rate, in the order in which they are written. */
export interface LimitBudgets {
  readonly rates: readonly SpokeBudget[];
  readonly plans: ReadonlyMap<string, readonly SpokeBudget[]>;
}

const known = new WeakMap<Resource<'RateLimitPolicy'>, ReadonlyMap<string, LimitBudgets>>();

/**
 * What a policy shares out, by the names of its limits: one budget for each rate, whatever the policy is attached to. So a limit on a
 * Gateway is one limit for all routes there together, over all clusters. Remembered by the identity of the object.
 */
export function limitBudgets(policy: Resource<'RateLimitPolicy'>): ReadonlyMap<string, LimitBudgets> {
  const before = known.get(policy);
  if (before !== undefined) return before;
  const { namespace, name } = policy.metadata;
  const scope = scopeOf(policy);
  const made = new Map<string, LimitBudgets>();
  for (const [limitName, limit] of Object.entries(limitRulesOf(policy.spec).rules.limits)) {
    const prefix = `${namespace}/${name}/${limitName}`;
    made.set(limitName, {
      rates: limit.rates.map((rate) => budgetOf(prefix, scope, limit, rate, limit.burst)),
      plans: new Map(
        Object.entries(limit.plans).map(([plan, { rates, burst }]) => [
          plan,
          rates.map((rate) => budgetOf(`${prefix}/${encodeURIComponent(plan)}`, scope, limit, rate, burst)),
        ]),
      ),
    });
  }
  known.set(policy, made);
  return made;
}

/** Every budget of the hub, by id: what the ledger grants from. The same values as those in the parts of clusters. */
export function budgetsOf(objects: {
  readonly RateLimitPolicy: ReadonlyMap<string, Resource<'RateLimitPolicy'>>;
}): ReadonlyMap<string, SpokeBudget> {
  const found = new Map<string, SpokeBudget>();
  for (const policy of objects.RateLimitPolicy.values()) {
    for (const { rates, plans } of limitBudgets(policy).values()) {
      for (const budget of rates) found.set(budget.id, budget);
      for (const own of plans.values()) for (const budget of own) found.set(budget.id, budget);
    }
  }
  return new Map([...found].sort((a, b) => (a[0] < b[0] ? -1 : 1)));
}

/**
 * Agents of which clusters may serve it. A route may hang on Gateways of other namespaces, and a selector or domain in the hub's namespace
 * reaches all of them; a policy on Gateways holds at the clusters of its own namespace.
 */
function scopeOf({ metadata, spec }: Resource<'RateLimitPolicy'>): string {
  if (spec.targetRefs === undefined) return metadata.namespace === HUB_NAMESPACE ? '*' : metadata.namespace;
  return spec.targetRefs.every(({ kind }) => kind === 'Gateway') ? metadata.namespace : '*';
}

function budgetOf(
  prefix: string,
  scope: string,
  limit: LimitSpec,
  rate: RateSpec,
  burst: number | undefined,
): SpokeBudget {
  const { algorithm } = limit;
  return {
    id: `${prefix}/${windowName(rate.window, limit.timeZone)}${SUFFIX[algorithm]}${scope === '*' ? OVER_THE_HUB : ''}`,
    scope,
    algorithm,
    limit: rate.limit,
    window: windowOf(rate.window, limit.timeZone),
    ...(algorithm === 'token-bucket' && burst !== undefined ? { burst } : {}),
    // A floor may be used when the window is over in which it was lent last: never, here.
    floorShare: rate.window === 'eternity' ? 0 : floorPercent(limit) / 100,
    allocation: limit.allocation,
    counters: limit.counters.length,
    waits: durationMs(limit.wait) > 0,
    onHubLoss: limit.onHubLoss,
  };
}

const SUFFIX: Readonly<Record<LimitSpec['algorithm'], string>> = {
  'fixed-window': '',
  'sliding-window': '-sliding',
  'token-bucket': '-bucket',
};

/** Other agents than those of the namespace share it, and each has another floor: what was counted for the ones says nothing of the others. */
const OVER_THE_HUB = '-hub';

function windowOf(window: string, timeZone: string): QuotaWindow {
  const unit = CALENDAR_UNITS.find((name) => name === window);
  return unit === undefined
    ? { type: 'length', ms: durationMs(window) }
    : { type: 'calendar', unit, timeZone: unit === 'eternity' ? 'UTC' : timeZone };
}

/** `1m` and `60s` are one window. A slash of a zone's name would look like a part of the id. */
function windowName(window: string, timeZone: string): string {
  const parsed = windowOf(window, timeZone);
  if (parsed.type === 'calendar') {
    return parsed.timeZone === 'UTC' ? parsed.unit : `${parsed.unit}@${parsed.timeZone.replaceAll('/', ':')}`;
  }
  return parsed.ms % 1000 === 0 ? `${parsed.ms / 1000}s` : `${parsed.ms}ms`;
}
