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
    ...block('Rate limits', pieces(rule.limits)),
    ...block('Limits and headers', pieces(rule.edge.filter(({ by }) => by !== 'product'))),
    ...block('Product defaults', inLines(rule.edge.filter(({ by }) => by === 'product'))),
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
      value,
    ]),
  );
}

/** What nobody said fills few lines: it is seldom what is looked for. */
function inLines(all: ExplainedRule['edge']): readonly string[] {
  const lines: string[] = [];
  for (const { piece, value } of all) {
    const last = lines.at(-1);
    const text = `${piece} ${value}`;
    if (last === undefined || last.length + text.length > 96) lines.push(text);
    else lines[lines.length - 1] = `${last}, ${text}`;
  }
  return lines;
}

function block(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`  ${title}:`, ...lines.map((line) => `    ${line}`)];
}
