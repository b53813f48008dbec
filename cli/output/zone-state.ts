import type { ProviderZoneState } from '../../src/client/client.ts';
import { changeLines, heldLines } from './record-changes.ts';
import { table } from './table.ts';

/** One zone of a provider: how it stands, and what is to be done in it. */
export function zoneStateLines(state: ProviderZoneState): readonly string[] {
  const { origin, plan, error, errorFix, disagreements, heldAtGeneration } = state;
  const waits = plan.waitsForApproval;
  const idle = plan.held.length === 0 && waits === undefined && error === undefined;
  const due = plan.changes.length > 0 ? [`  plan ${plan.hash}:`] : idle ? ['  nothing to do'] : [];
  return [
    `${origin} ${standing(state)}`,
    ...(heldAtGeneration === undefined
      ? []
      : [`  held at generation ${heldAtGeneration} by a rollback; \`portolan provider resume\` ends that`]),
    ...(error === undefined ? [] : [`  error: ${error}`]),
    ...(errorFix === undefined ? [] : [`    fix: ${errorFix}`]),
    ...due,
    ...indented(changeLines(plan.changes)),
    ...indented(plan.held.flatMap(heldLines)),
    ...(waits === undefined ? [] : [`  waits for approval: ${waits.message}`, `    fix: ${waits.fix}`]),
    ...disagreements.map((line) => `  not verified: ${line}`),
  ];
}

const VERIFIED = {
  yes: 'every authoritative server agrees',
  no: 'not every authoritative server agrees',
  pending: 'authoritative servers are being asked',
  off: 'not verified',
} as const;

function standing({ generation, appliedAt, verified }: ProviderZoneState): string {
  if (appliedAt === undefined) return '(nothing was written yet)';
  return `(generation ${generation}, written ${appliedAt}; ${VERIFIED[verified]})`;
}

/** Generations that a rollback can bring back. */
export function historyLines({ origin, generation, history }: ProviderZoneState): readonly string[] {
  if (history.length === 0) return [`${origin} has no history yet`];
  return [
    `${origin} (generation ${generation} now)`,
    ...table(
      ['GENERATION', 'WRITTEN', 'CHANGES'],
      history.map((entry) => [String(entry.generation), entry.at, entry.summary]),
    ),
  ];
}

function indented(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `    ${line}`);
}
