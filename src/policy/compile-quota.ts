import { canonicalJson } from '../identity/canonical-json.ts';
import { sha256Hex } from '../identity/digest.ts';
import type { SpokeBudget } from '../quota/spoke-contract.ts';
import type { Resource } from '../resources/catalogue.ts';
import { type LimitSpec, limitRulesOf } from '../resources/rate-limit-policy.ts';
import { durationMs } from '../resources/route-fields.ts';
import { type LimitBudgets, limitBudgets } from './budgets.ts';
import type { EffectiveRules, PolicyBlock } from './effective-policy.ts';
import type { CompiledLimit, CompiledQuota, LimitCost, QuotaPart, Source } from './model.ts';
import { kept } from './same-value.ts';

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

/** An effective RateLimitPolicy with its budgets by value: their places are known when all of them are. */
export interface PlacedLater {
  /** Its key in `QuotaPart.policies`: a digest of its content. */
  readonly id: string;
  readonly source: readonly Source[];
  readonly limits: readonly {
    readonly limit: Omit<CompiledLimit, 'rates' | 'plans'>;
    readonly budgets: LimitBudgets;
  }[];
}

/** @returns undefined when no limit is left */
export function quotaPolicy(rules: EffectiveRules<QuotaItem> | undefined): PlacedLater | undefined {
  if (rules === undefined || rules.size === 0) return undefined;
  const sources = new Map<string, Source>();
  const limits = [...rules]
    .sort((a, b) => (a[0] < b[0] ? -1 : 1))
    .map(([, { value, from }]) => {
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
  return { id: sha256Hex(canonicalJson({ source, told })).slice(0, 16), source, limits };
}

/** Collects the effective RateLimitPolicies of one cluster; equal ones are one. */
export class QuotaBook {
  readonly #policies = new Map<string, PlacedLater>();
  readonly #domains = new Map<string, string>();
  readonly #before: QuotaPart | undefined;

  /** @param before what says the same as in it is the same object */
  constructor(before?: QuotaPart) {
    this.#before = before;
  }

  add(policy: PlacedLater): void {
    this.#policies.set(policy.id, policy);
  }

  domain(name: string, policy: PlacedLater): void {
    this.add(policy);
    this.#domains.set(name, policy.id);
  }

  /** @returns undefined when nothing is limited */
  part(version: number): QuotaPart | undefined {
    if (this.#policies.size === 0) return undefined;
    const byId = new Map<string, SpokeBudget>();
    for (const { limits } of this.#policies.values()) {
      for (const { budgets } of limits) {
        for (const budget of budgets.rates) byId.set(budget.id, budget);
        for (const own of budgets.plans.values()) for (const budget of own) byId.set(budget.id, budget);
      }
    }
    const budgets = [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    const places = new Map(budgets.map(({ id }, place) => [id, place]));
    const policies = [...this.#policies]
      .sort((a, b) => (a[0] < b[0] ? -1 : 1))
      .map(([id, policy]): [string, CompiledQuota] => [
        id,
        kept(this.#before?.policies[id], placed(policy, places)),
      ]);
    return kept(this.#before, {
      version,
      budgets,
      policies: Object.fromEntries(policies),
      domains: Object.fromEntries([...this.#domains].sort((a, b) => (a[0] < b[0] ? -1 : 1))),
    });
  }
}

function placed({ source, limits }: PlacedLater, places: ReadonlyMap<string, number>): CompiledQuota {
  const placesOf = (own: readonly SpokeBudget[]): readonly number[] =>
    own.flatMap(({ id }) => places.get(id) ?? []);
  return {
    source,
    limits: limits.map(({ limit, budgets }) => ({
      ...limit,
      rates: placesOf(budgets.rates),
      plans: Object.fromEntries(
        [...budgets.plans].sort((a, b) => (a[0] < b[0] ? -1 : 1)).map(([plan, of]) => [plan, placesOf(of)]),
      ),
    })),
  };
}

function idsOf(budgets: readonly SpokeBudget[]): readonly string[] {
  return budgets.map(({ id }) => id);
}

/** A limit keeps the conditions of its policy wherever it ends up. */
function limitOf(
  { name, spec }: QuotaItem,
  source: Source,
  whenOfPolicy: readonly string[],
): PlacedLater['limits'][number]['limit'] {
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
