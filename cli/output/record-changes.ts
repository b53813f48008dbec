import type { CompileReport, ProviderZoneState, RecordPlan } from '../../src/client/client.ts';
import { explainReport } from '../../src/plan/explain-report.ts';

type Change = ProviderZoneState['plan']['changes'][number];
type Held = ProviderZoneState['plan']['held'][number];

const SIGNS = { create: '+', update: '~', delete: '-' } as const;
/** Lines of one zone; a first publication has thousands. */
const MOST_LINES = 200;

/** `+ www.example.com. A 30 192.0.2.1`, `~ … 30 192.0.2.1 → 30 192.0.2.2`, `- …`. */
export function changeLine({ change, name, type, setId, before = '', after = '' }: Change): string {
  const what = `${SIGNS[change]} ${name} ${type}${setId === '' ? '' : ` [${setId}]`}`;
  if (change === 'update') return `${what} ${before} → ${after}`;
  return `${what} ${change === 'create' ? after : before}`;
}

/** `! www.example.com. waits: …`, and what to type. */
export function heldLines({ name, code, message, fix }: Held): readonly string[] {
  return [`! ${name} waits (${code}): ${message}`, `    fix: ${fix}`];
}

/** The changes of one zone, cut where they are many. */
export function changeLines(changes: readonly Change[]): readonly string[] {
  const lines = changes.slice(0, MOST_LINES).map(changeLine);
  const more = changes.length - lines.length;
  return more > 0 ? [...lines, `… and ${more} more changes (-o json has them all)`] : lines;
}

/** What a plan would write at DNS providers, and what becomes of the hostnames there. */
export function recordPlanLines(plan: RecordPlan | undefined): readonly string[] {
  if (plan === undefined) return [];
  const zones = plan.zones.flatMap(({ provider, origin, changes, held, unknown }) => {
    const lines = [
      ...(unknown === undefined ? [] : [`not known yet: ${unknown}`]),
      ...changeLines(changes),
      ...held.flatMap(heldLines),
    ];
    return lines.length === 0 ? [] : [`  ${provider} ${origin}`, ...lines.map((line) => `    ${line}`)];
  });
  const reports = plan.reports.filter(isTold).flatMap((report) => explainReport(report));
  return [
    ...(zones.length === 0 ? [] : ['records at DNS providers:', ...zones]),
    ...reports.map((line) => `  ${line}`),
  ];
}

/** What an author has to know before it is applied: something is not kept. */
function isTold({ outcome, features }: CompileReport): boolean {
  return (
    outcome === 'refused' || features.some(({ handling }) => handling === 'lost' || handling === 'refused')
  );
}
