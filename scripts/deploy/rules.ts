import { ELECTION_RULES } from '../../hub/election/rules.ts';
import { HUB_RULES } from '../../hub/sources/kubernetes/rules.ts';
import type { KubeRule } from '../../kube/rules.ts';
import { AGENT_RULES, secretRule } from '../../spoke-agent/kubernetes/rules.ts';

/** `files/rules.json` of a chart: a rule is there only with its feature; those of scope `secrets` get their names from the values. */
export interface ChartRule extends Omit<KubeRule, 'scope' | 'why'> {
  readonly scope: KubeRule['scope'] | 'secrets';
  readonly feature?: 'customResources' | 'election';
  readonly why?: string;
}

export function hubChartRules(): readonly ChartRule[] {
  return [
    ...HUB_RULES.map((rule) => ({
      ...rule,
      ...(rule.resources.includes('secrets') ? { scope: 'secrets' as const } : {}),
      feature: 'customResources' as const,
    })),
    ...ELECTION_RULES.map((rule) => ({ ...rule, feature: 'election' as const })),
  ];
}

export function agentChartRules(): readonly ChartRule[] {
  const { resourceNames: _, ...secrets } = secretRule([]);
  return [...AGENT_RULES, { ...secrets, scope: 'secrets' }];
}
