import type { BudgetConfig, Removal } from '../../src/plan/budget.ts';
import { countriesOf } from '../../src/routing/geography.ts';
import type { AdmissionViolation, AnyDesired, ProposedChange } from '../api/services.ts';
import { certificateWarnings } from '../certificates/warnings.ts';
import { gatewayWarnings } from '../gateways/warnings.ts';
import { abandonedZones } from '../providers/admission.ts';
import { createZoneFinder } from '../providers/zone-keys.ts';
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
    const { allowedRanges, ownCredentials } = input.context;
    const isRegion = (name: string): boolean => countriesOf(input.context.regions, name) !== undefined;
    for (const v of referenceViolations(change, next, input.joined, allowedRanges, ownCredentials, isRegion))
      violations.push({ ...v, change: index });
  });
  const guarded =
    violations.length === 0
      ? capacityGuards({ ...input, next })
      : { violations: [], charges: new Map<string, readonly Removal[]>() };
  if (input.force) warnings.push(...guarded.violations.map((v) => `forced: ${v.message}`));
  else violations.push(...guarded.violations);
  for (const change of changes) {
    if (change.type !== 'delete') {
      warnings.push(...warningsFor(change.next, next, input.context));
      warnings.push(
        ...gatewayWarnings(change.next, next.objects, input.moment.wallMs, [
          ...(input.context.found?.() ?? []),
        ]),
      );
      warnings.push(...certificateWarnings(change.next, next.objects));
    }
    warnings.push(...signingWarnings(change), ...abandonedZones(change));
  }
  return { violations, warnings, next, charges: guarded.charges };
}

/** What a person should know who takes the signing of a zone away: its parent may have a DS. */
function signingWarnings(change: ProposedChange): readonly string[] {
  if (change.type === 'create' || change.current.kind !== 'Zone') return [];
  const { spec, status, metadata } = change.current;
  const state = status?.dnssec?.state;
  if (spec.dnssec === undefined || state === undefined || state === 'unsigned') return [];
  const { origin } = spec;
  if (change.type === 'delete') {
    return [
      `${origin} is signed: while its parent has a DS, nobody else can serve it unsigned. The keys are kept, for when the Zone is created again`,
    ];
  }
  if (change.next.kind !== 'Zone') return [];
  if (change.next.spec.origin !== origin) {
    return [
      `${origin} is signed, and the new origin gets keys of its own: remove the DS of ${origin} at its parent`,
    ];
  }
  return change.next.spec.dnssec === undefined
    ? [
        `${origin} stays signed until no server of its parent has a DS any more; now remove it there, see \`portolan zone dnssec show ${metadata.name}\``,
      ]
    : [];
}

function warningsFor(desired: AnyDesired, next: World, context: WorldContext): readonly string[] {
  if (desired.kind !== 'TrafficPolicy') return [];
  const origins = servedOrigins(next);
  const finder = createZoneFinder(next);
  const homeless = desired.spec.hostnames
    .filter((h) => !isServed(h, origins) && finder.of(desired.namespace, h).length === 0)
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
