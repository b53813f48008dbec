import type { ExplainedRule } from '../../src/client/client.ts';
import { table } from './table.ts';

/** One rule of a route with everything that holds for it, and where that is from. */
export function explainedRuleLines(rule: ExplainedRule): readonly string[] {
  return [
    `${rule.kind} ${rule.namespace}/${rule.name}, rule ${rule.rule}, on ${rule.clusters.join(', ')}`,
    ...block('Listeners', rule.listeners),
    ...block('Matches', rule.matches),
    ...block('Filters', rule.filters),
    ...block('Backends', rule.backends),
    ...(rule.timeouts === '{}' ? [] : block('Timeouts', [rule.timeouts])),
    ...(rule.auth.length === 0
      ? block('Access', ['anyone may call it: no AuthPolicy holds here'])
      : block('Access', pieces(rule.auth))),
    ...block('Limits and headers', pieces(rule.edge)),
    '',
  ];
}

function pieces(all: ExplainedRule['auth']): readonly string[] {
  return table(
    ['RULE', 'FROM', 'VALUE'],
    all.map(({ piece, value, source, by }) => [
      piece,
      source === undefined ? '(product)' : `${source}${by === 'overrides' ? ' (override)' : ''}`,
      value,
    ]),
  );
}

function block(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`  ${title}:`, ...lines.map((line) => `    ${line}`)];
}
