import type { Resource } from '../resources/catalogue.ts';
import { type QuotaBook, type QuotaItem, quotaBlock, quotaPolicy } from './compile-quota.ts';
import { finding, type PolicyReport } from './compile-report.ts';
import { effectiveRules, levelOf, type PolicyBlock, type PolicyLevel } from './effective-policy.ts';
import { HUB_NAMESPACE } from './policy-index.ts';

/**
 * Policies with a `domain`, for the proxies that ask the agents of one namespace's clusters: those of the hub's namespace, then those of
 * the clusters' own, which meet as hub-wide policies meet those of a namespace.
 * @returns what became of those that this cluster has
 */
export function bookDomains(
  policies: Iterable<Resource<'RateLimitPolicy'>>,
  namespace: string,
  book: QuotaBook,
): readonly PolicyReport[] {
  const byDomain = new Map<string, Resource<'RateLimitPolicy'>[]>();
  for (const policy of policies) {
    const { domain } = policy.spec;
    if (domain === undefined || ![HUB_NAMESPACE, namespace].includes(policy.metadata.namespace)) continue;
    const others = byDomain.get(domain);
    if (others === undefined) byDomain.set(domain, [policy]);
    else others.push(policy);
  }
  return [...byDomain].flatMap(([domain, own]) => bookDomain(domain, own, namespace, book));
}

function bookDomain(
  domain: string,
  policies: readonly Resource<'RateLimitPolicy'>[],
  namespace: string,
  book: QuotaBook,
): readonly PolicyReport[] {
  const levels = [...new Set([HUB_NAMESPACE, namespace])].map(
    (place): PolicyLevel<QuotaItem> =>
      levelOf(policies.filter(({ metadata }) => metadata.namespace === place).map(quotaBlock)),
  );
  const rules = effectiveRules(levels.flatMap(({ chain }) => chain));
  const limits = quotaPolicy(rules);
  if (limits !== undefined) book.domain(domain, limits);
  const holding = new Set([...(rules?.values() ?? [])].map(({ from }) => from));
  const winners = new Map(
    levels.flatMap(({ conflicted }) => conflicted.map(({ block, winner }) => [block, winner] as const)),
  );
  return policies.map((policy) => report(policy, domain, holding, winners));
}

function report(
  policy: Resource<'RateLimitPolicy'>,
  domain: string,
  holding: ReadonlySet<PolicyBlock<QuotaItem>>,
  winners: ReadonlyMap<PolicyBlock<QuotaItem>, PolicyBlock<QuotaItem>>,
): PolicyReport {
  const block = quotaBlock(policy);
  const winner = winners.get(block);
  const { namespace, name } = policy.metadata;
  const findings =
    winner === undefined
      ? [
          finding('Accepted', true, 'Accepted', `The policy is in use for the domain ${domain}.`),
          holding.has(block)
            ? finding('Enforced', true, 'Enforced', 'Rules of it hold.')
            : finding('Enforced', false, 'Overridden', 'Other policies override every rule of it.'),
        ]
      : [
          finding(
            'Accepted',
            false,
            'Conflicted',
            `${winner.source.name} is older and has the same domain; only one of them can hold.`,
          ),
        ];
  return { kind: 'RateLimitPolicy', namespace, name, findings, ancestors: [] };
}
