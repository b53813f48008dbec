import type { Plan, PlannedDocument } from '../../src/client/client.ts';
import type { ManifestDocument } from '../manifest.ts';
import { documentText, objectName } from './document.ts';

const SIGNS = { create: '+', update: '~', delete: '-', unchanged: ' ', invalid: '!' } as const;

/** `~ trafficpolicy/shop (namespace default)`; and who sets it, when the hub would not take the change from here. */
export function plannedTitle(planned: PlannedDocument): string {
  const elsewhere = planned.managedBy === undefined ? '' : `, managed by ${planned.managedBy}`;
  return `${SIGNS[planned.action]} ${objectName(planned.kind, planned.name)} (namespace ${planned.namespace}${elsewhere})`;
}

/** What changes in one document: its fields before and after, or all of a new one. */
export function plannedLines(
  planned: PlannedDocument,
  document: ManifestDocument | undefined,
): readonly string[] {
  switch (planned.action) {
    case 'unchanged':
    case 'invalid':
      return [];
    case 'delete':
      return [plannedTitle(planned)];
    case 'create': {
      const text = document === undefined ? [] : documentText(document.value, 'yaml').trimEnd().split('\n');
      return [plannedTitle(planned), ...text.map((line) => `    + ${line}`)];
    }
    case 'update':
      return [
        plannedTitle(planned),
        ...planned.fields.map((f) => `    ${f.path}: ${valueText(f.before)} → ${valueText(f.after)}`),
        ...(planned.fields.length === 0 ? ['    values that are not shown change'] : []),
      ];
  }
}

/** `plan: 1 to create, 2 to change, 0 to delete, 3 unchanged`. */
export function planSummary(plan: Plan): string {
  const count = (action: PlannedDocument['action']): number =>
    plan.documents.filter((d) => d.action === action).length;
  return `plan: ${count('create')} to create, ${count('update')} to change, ${count('delete')} to delete, ${count('unchanged')} unchanged`;
}

const LONGEST = 120;

function valueText(value: unknown): string {
  if (value === undefined) return '(none)';
  const text = JSON.stringify(value);
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`;
}
