import type { CompileReport, ProviderZoneState, RecordPlan } from '../../src/client/client.ts';
import { explainReport } from '../../src/plan/explain-report.ts';
import { durationText } from './duration.ts';

type Change = ProviderZoneState['plan']['changes'][number];
type Held = ProviderZoneState['plan']['held'][number];

const SIGNS = { create: '+', update: '~', delete: '-' } as const;
/** Lines of one zone; a first publication has thousands. */
const MOST_LINES = 200;
const MOST_REPORTS = 50;

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
  const shown = changes.slice(0, MOST_LINES);
  const lines = shown.flatMap((change) => [
    changeLine(change),
    ...(change.details ?? []).map((line) => `    ${line}`),
  ]);
  const more = changes.length - shown.length;
  return more > 0 ? [...lines, `… and ${more} more changes (-o json has them all)`] : lines;
}

/** What a plan would write at DNS providers, and what becomes of the hostnames there. */
export function recordPlanLines(plan: RecordPlan | undefined): readonly string[] {
  if (plan === undefined) return [];
  const zones = plan.zones.flatMap((zone) => {
    const { provider, origin, changes, held, unknown } = zone;
    const lines = [
      ...(unknown === undefined ? [] : [`not known yet: ${unknown}`]),
      ...changeLines(changes),
      ...held.flatMap(heldLines),
    ];
    return lines.length === 0
      ? []
      : [`  ${provider} ${origin}${ageOf(zone)}`, ...lines.map((line) => `    ${line}`)];
  });
  // Where all is kept the headline says so; `portolan explain` has the rest once it is applied.
  const reports = plan.reports.slice(0, MOST_REPORTS).flatMap((report) => {
    const lines = explainReport(report);
    return isTold(report) ? lines : lines.slice(0, 1);
  });
  const more = plan.reports.length - MOST_REPORTS;
  return [
    ...(zones.length === 0 ? [] : ['records at DNS providers:', ...zones]),
    ...(reports.length === 0 ? [] : ['what they keep:', ...reports.map((line) => `  ${line}`)]),
    ...(more > 0 ? [`  … and ${more} more reports (-o json has them all)`] : []),
  ];
}

/** A reading that is not of this moment may miss what somebody else wrote since. */
function ageOf({ readSecondsAgo }: RecordPlan['zones'][number]): string {
  return readSecondsAgo === undefined ? '' : ` (as read ${durationText(readSecondsAgo * 1000)} ago)`;
}

/** What an author has to know before it is applied: something is not kept. */
function isTold({ outcome, features }: CompileReport): boolean {
  return (
    outcome === 'refused' || features.some(({ handling }) => handling === 'lost' || handling === 'refused')
  );
}
