import { canonicalJson } from '../identity/canonical-json.ts';
import { sha256Hex } from '../identity/digest.ts';
import type { SpokeBudget } from '../quota/spoke-contract.ts';
import type { Resource } from '../resources/catalogue.ts';
import { type LimitSpec, limitRulesOf } from '../resources/rate-limit-policy.ts';
import { durationMs } from '../resources/route-fields.ts';
import { type LimitBudgets, limitBudgets } from './budgets.ts';
import type { EffectiveRules, PolicyBlock } from './effective-policy.ts';
import type { CompiledLimit, CompiledQuota, LimitCost, QuotaPart, Source } from './model.ts';

/** What a RateLimitPolicy says under one name: the unit of merging. Its budgets stay those of the policy it is from. */
export interface QuotaItem {
  readonly name: string;
  readonly spec: LimitSpec;
  readonly budgets: LimitBudgets;
}

const blocks = new WeakMap<Resource<'RateLimitPolicy'>, PolicyBlock<QuotaItem>>();

/** The limits of a policy as `limits.<name>`. Remembered by the identity of the object. */
export function quotaBlock(policy: Resource<'RateLimitPolicy'>): PolicyBlock<QuotaItem> {
  const before = blocks.get(policy);
  if (before !== undefined) return before;
  const { metadata, spec } = policy;
  const { kind, strategy, rules } = limitRulesOf(spec);
  const budgets = limitBudgets(policy);
  const block: PolicyBlock<QuotaItem> = {
    source: { kind: 'RateLimitPolicy', name: `${metadata.namespace}/${metadata.name}` },
    created: metadata.creationTimestamp,
    kind,
    strategy,
    rules: new Map(
      Object.entries(rules.limits).map(([name, limit]) => [
        `limits.${name}`,
        { name, spec: limit, budgets: budgets.get(name) ?? { rates: [], plans: new Map() } },
      ]),
    ),
    when: rules.when ?? [],
  };
  blocks.set(policy, block);
  return block;
}

/** A limit with its budgets by value: their places are known when all of them are. */
interface PlacedLater {
  readonly limit: Omit<CompiledLimit, 'rates' | 'plans'>;
  readonly budgets: LimitBudgets;
}

/** Collects the effective RateLimitPolicies of one cluster; equal ones are one, by a digest of their content. */
export class QuotaBook {
  readonly #policies = new Map<
    string,
    { readonly source: readonly Source[]; readonly limits: readonly PlacedLater[] }
  >();
  readonly #budgets = new Map<string, SpokeBudget>();
  readonly #domains = new Map<string, string>();

  /** @returns its key in `QuotaPart.policies`; undefined when no limit is left */
  policy(rules: EffectiveRules<QuotaItem> | undefined): string | undefined {
    if (rules === undefined || rules.size === 0) return undefined;
    const sources = new Map<string, Source>();
    const limits = [...rules]
      .sort((a, b) => (a[0] < b[0] ? -1 : 1))
      .map(([, { value, from }]): PlacedLater => {
        sources.set(from.source.name, from.source);
        return {
          limit: limitOf(value, { ...from.source, sectionName: value.name }, from.when ?? []),
          budgets: value.budgets,
        };
      });
    const source = [...sources.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    const told = limits.map(({ limit, budgets }) => ({
      limit,
      rates: idsOf(budgets.rates),
      plans: Object.fromEntries([...budgets.plans].map(([plan, own]) => [plan, idsOf(own)])),
    }));
    const id = sha256Hex(canonicalJson({ source, told })).slice(0, 16);
    if (this.#policies.has(id)) return id;
    this.#policies.set(id, { source, limits });
    for (const { budgets } of limits) {
      for (const budget of [...budgets.rates, ...[...budgets.plans.values()].flat()]) {
        this.#budgets.set(budget.id, budget);
      }
    }
    return id;
  }

  domain(name: string, policy: string): void {
    this.#domains.set(name, policy);
  }

  /** @returns undefined when nothing is limited */
  part(version: number): QuotaPart | undefined {
    if (this.#policies.size === 0) return undefined;
    const budgets = [...this.#budgets.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    const places = new Map(budgets.map(({ id }, place) => [id, place]));
    const placesOf = (own: readonly SpokeBudget[]): readonly number[] =>
      own.flatMap(({ id }) => places.get(id) ?? []);
    const placed = ({ limit, budgets: own }: PlacedLater): CompiledLimit => ({
      ...limit,
      rates: placesOf(own.rates),
      plans: Object.fromEntries(
        [...own.plans].sort((a, b) => (a[0] < b[0] ? -1 : 1)).map(([plan, of]) => [plan, placesOf(of)]),
      ),
    });
    return {
      version,
      budgets,
      policies: Object.fromEntries(
        [...this.#policies]
          .sort((a, b) => (a[0] < b[0] ? -1 : 1))
          .map(([id, { source, limits }]): [string, CompiledQuota] => [
            id,
            { source, limits: limits.map(placed) },
          ]),
      ),
      domains: Object.fromEntries([...this.#domains].sort((a, b) => (a[0] < b[0] ? -1 : 1))),
    };
  }
}

function idsOf(budgets: readonly SpokeBudget[]): readonly string[] {
  return budgets.map(({ id }) => id);
}

/** A limit keeps the conditions of its policy wherever it ends up. */
function limitOf(
  { name, spec }: QuotaItem,
  source: Source,
  whenOfPolicy: readonly string[],
): PlacedLater['limit'] {
  return {
    name,
    source,
    when: [...whenOfPolicy, ...spec.when],
    counters: spec.counters,
    cost: costOf(spec.cost),
    shadow: spec.shadow,
    waitMs: durationMs(spec.wait),
    onHubLoss: spec.onHubLoss,
    ...(spec.metric === undefined ? {} : { metric: spec.metric }),
    ...(spec.headers === 'off' ? { silent: true as const } : {}),
  };
}

function costOf(cost: LimitSpec['cost']): LimitCost {
  if (cost === undefined) return { most: 1 };
  const { request, response, most } = cost;
  const answer: LimitCost['answer'] =
    response?.header !== undefined
      ? { type: 'header', name: response.header.toLowerCase() }
      : response?.json !== undefined
        ? { type: 'json', path: response.json.split('.') }
        : undefined;
  return {
    ...(request === undefined ? {} : { request }),
    ...(answer === undefined ? {} : { answer }),
    most,
  };
}
