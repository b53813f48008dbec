import type { ExplainedRule } from '../../src/client/client.ts';
import { readable } from './readable-json.ts';
import { table } from './table.ts';

/** One rule of a route with everything that holds for it, and where that is from. */
export function explainedRuleLines(rule: ExplainedRule): readonly string[] {
  return [
    `${rule.kind} ${rule.namespace}/${rule.name}, rule ${rule.rule}, on ${rule.clusters.join(', ')}`,
    ...block('Listeners', rule.listeners),
    ...block('Matches', rule.matches),
    ...block('Filters', rule.filters.map(readable)),
    ...block('Backends', rule.backends),
    ...(rule.timeouts === '{}' ? [] : block('Timeouts', [readable(rule.timeouts)])),
    ...(rule.auth.length === 0
      ? block('Access', ['anyone may call it: no AuthPolicy holds here'])
      : block('Access', pieces(rule.auth))),
    ...block('Rate limits', pieces(rule.limits)),
    ...block('Limits and headers', pieces(rule.edge.filter(({ by }) => by !== 'product'))),
    ...unsaid(rule.edge.filter(({ by }) => by === 'product').length),
    '',
  ];
}

function pieces(all: ExplainedRule['auth']): readonly string[] {
  if (all.length === 0) return [];
  return table(
    ['RULE', 'FROM', 'VALUE'],
    all.map(({ piece, value, source, by }) => [
      piece,
      `${source ?? ''}${by === 'overrides' ? ' (override)' : ''}`,
      // A policy's null takes a header of the backend away.
      value === 'null' && piece.startsWith('responseHeaders.') ? 'taken away' : readable(value),
    ]),
  );
}

/** What nobody said is seldom what is looked for. */
function unsaid(count: number): readonly string[] {
  return count === 0 ? [] : [`  ${count} more limits are the product's own (-o json shows them)`];
}

function block(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`  ${title}:`, ...lines.map((line) => `    ${line}`)];
}
