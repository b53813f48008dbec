import type { CompileReport } from './compile-report.ts';

/** A compile report as the hub has it, or as its API gives it. */
type Report = Omit<CompileReport, 'hostname' | 'zone'> & { readonly hostname: string; readonly zone: string };

/**
 * A compile report for people: one headline, then a line a feature and what to do about it, and what happens while the hub is away. As
 * `portolan explain` and `portolan plan` show it.
 */
export function explainReport(report: Report): readonly string[] {
  return [
    headlineOf(report),
    ...report.features.flatMap(({ feature, handling, detail, fix }) => [
      `  ${feature}: ${handling} (${withoutStop(detail)})`,
      ...(fix === undefined ? [] : [`    fix: ${fix}`]),
    ]),
    ...(report.refusal === undefined
      ? []
      : [`  refused: ${report.refusal.message}`, `    fix: ${report.refusal.fix}`]),
    `  hub away: ${report.hubDown}`,
  ];
}

const HOW: Readonly<Record<Exclude<CompileReport['outcome'], 'refused'>, string>> = {
  native: 'routed by the provider',
  computed: 'plain records that the hub changes',
  delegated: 'delegated to the embedded name servers',
};

function headlineOf({ hostname, provider, zone, outcome }: Report): string {
  const what = outcome === 'refused' ? 'refused: what is there stays as it is' : HOW[outcome];
  return `${hostname} at ${provider} (zone ${zone}): ${what}`;
}

function withoutStop(sentence: string): string {
  return sentence.endsWith('.') ? sentence.slice(0, -1) : sentence;
}
