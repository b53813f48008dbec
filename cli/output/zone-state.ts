import type { ProviderZoneState } from '../../src/client/client.ts';
import { changeLines, heldLines } from './record-changes.ts';
import { table } from './table.ts';

/** One zone of a provider: how it stands, and what is to be done in it. */
export function zoneStateLines(state: ProviderZoneState): readonly string[] {
  const { origin, plan, error, errorFix, disagreements } = state;
  const waits = plan.waitsForApproval;
  // What waits for approval is told once, not with every name.
  const held = plan.held.filter(({ code }) => waits === undefined || code !== waits.code);
  const idle = plan.held.length === 0 && waits === undefined && error === undefined;
  const due = plan.changes.length > 0 ? [`  plan ${plan.hash}:`] : idle ? ['  nothing to do'] : [];
  return [
    `${origin} ${standing(state)}`,
    ...frozenLines(state),
    ...(error === undefined ? [] : [`  error: ${error}`]),
    ...(errorFix === undefined ? [] : [`    fix: ${errorFix}`]),
    ...due,
    ...indented(changeLines(plan.changes)),
    ...indented(held.flatMap(heldLines)),
    ...(waits === undefined
      ? []
      : [
          `  waits for approval, plan ${plan.hash}: ${waits.message}`,
          ...indented(changeLines(waits.removals)),
          `    fix: ${waits.fix}`,
        ]),
    ...heldBackLines(state),
    ...disagreements.map((line) => `  not verified${state.verified === 'pending' ? ' yet' : ''}: ${line}`),
  ];
}

function frozenLines({ frozen, plan }: ProviderZoneState): readonly string[] {
  if (!frozen) return [];
  const due = plan.changes.length > 0 ? 'what follows is due and waits' : 'nothing is written';
  return [`  frozen: ${due}; to thaw it apply the DNSProvider with \`spec.frozen: false\``];
}

/** What a rollback holds, and what its end brings. */
function heldBackLines({ heldAtGeneration, afterResume }: ProviderZoneState): readonly string[] {
  if (heldAtGeneration === undefined) return [];
  const { changes, held } = afterResume ?? { changes: [], held: [] };
  const known = afterResume !== undefined;
  return [
    `  held at generation ${heldAtGeneration} by a rollback; \`portolan provider resume\` ends that${known ? (changes.length > 0 ? ' and writes:' : ' and writes nothing') : ''}`,
    ...indented(changeLines(changes)),
    ...indented(held.flatMap(heldLines)),
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
