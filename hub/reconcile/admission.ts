import type { BudgetConfig, Removal } from '../../src/plan/budget.ts';
import type { AdmissionViolation, AnyDesired, ProposedChange } from '../api/services.ts';
import type { Moment } from './capacity.ts';
import { capacityGuards } from './capacity-guards.ts';
import { applyChanges } from './objects.ts';
import { asStored } from './proposed-objects.ts';
import { referenceViolations } from './references.ts';
import { buildWorld, type World, type WorldContext } from './world.ts';
import { isServed, servedOrigins } from './zones.ts';

export interface AdmissionInput {
  readonly world: World;
  readonly context: WorldContext;
  readonly changes: readonly ProposedChange[];
  readonly force: boolean;
  readonly moment: Moment;
  /** Removals already charged, per hostname. */
  readonly budget: ReadonlyMap<string, readonly Removal[]>;
  readonly budgetConfig?: BudgetConfig;
  /** Keys of clusters with a joined agent that is not revoked. */
  readonly joined: ReadonlySet<string>;
}

export interface AdmissionOutcome {
  readonly violations: readonly AdmissionViolation[];
  readonly warnings: readonly string[];
  /** The world as it would be. */
  readonly next: World;
  /** What to charge once the change is committed. */
  readonly charges: ReadonlyMap<string, readonly Removal[]>;
}

/**
 * Judges changes together against the world as it would be: references, claims, then the guards. Pure. Validation is never
 * forced; LAST_CAPACITY and CHANGE_BUDGET_EXCEEDED are, by a person who says why.
 */
export function admit(input: AdmissionInput): AdmissionOutcome {
  const { world, changes } = input;
  const nowIso = new Date(input.moment.wallMs).toISOString();
  const upserts = changes.flatMap((c) =>
    c.type === 'delete' ? [] : [asStored(c.next, c.type === 'update' ? c.current : undefined, nowIso)],
  );
  const deletes = changes.flatMap((c) => (c.type === 'delete' ? [c.key] : []));
  const next = buildWorld(applyChanges(world.objects, upserts, deletes), input.context, world);
  const violations: AdmissionViolation[] = [];
  const warnings: string[] = [];
  changes.forEach((change, index) => {
    for (const v of referenceViolations(change, next, input.joined)) violations.push({ ...v, change: index });
  });
  const guarded =
    violations.length === 0
      ? capacityGuards({ ...input, next })
      : { violations: [], charges: new Map<string, readonly Removal[]>() };
  if (input.force) warnings.push(...guarded.violations.map((v) => `forced: ${v.message}`));
  else violations.push(...guarded.violations);
  for (const change of changes)
    if (change.type !== 'delete') warnings.push(...warningsFor(change.next, next, input.context));
  return { violations, warnings, next, charges: guarded.charges };
}

function warningsFor(desired: AnyDesired, next: World, context: WorldContext): readonly string[] {
  if (desired.kind !== 'TrafficPolicy') return [];
  const origins = servedOrigins(next);
  const homeless = desired.spec.hostnames
    .filter((h) => !isServed(h, origins))
    .map((h) => `${h} lies in no Zone: nobody answers it until a Zone with its parent as origin exists`);
  if (context.hasSubdivisions !== false) return homeless;
  const blind = desired.spec.routing.geo
    .filter((rule) => (rule.match.subdivisions ?? []).length > 0)
    .map(
      (rule) =>
        `the rule ${rule.name} names subdivisions, which this hub's GeoIP database does not know: they never match; give one with geo.database`,
    );
  return [...homeless, ...blind];
}
