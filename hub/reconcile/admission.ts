import type { ErrorCode } from '../../src/errors/table.ts';
import { type BudgetConfig, chargeRemoval, DEFAULT_BUDGET, type Removal } from '../../src/plan/budget.ts';
import type { AnyResource, Kind, Resource } from '../../src/resources/catalogue.ts';
import type { AdmissionViolation, AnyDesired, ProposedChange } from '../api/services.ts';
import { capacityOf, capacitySum, drainedClusters, type Moment } from './capacity.ts';
import { applyChanges, objectKey } from './objects.ts';
import { buildWorld, type World, type WorldContext } from './world.ts';
import { zoneViolations } from './zones.ts';

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
    for (const v of referencesOf(change, input, next)) violations.push({ ...v, change: index });
  });
  const guarded =
    violations.length === 0
      ? guards(input, next)
      : { violations: [], charges: new Map<string, readonly Removal[]>() };
  if (input.force) warnings.push(...guarded.violations.map((v) => `forced: ${v.message}`));
  else violations.push(...guarded.violations);
  for (const change of changes)
    if (change.type !== 'delete') warnings.push(...warningsFor(change.next, next));
  return { violations, warnings, next, charges: guarded.charges };
}

type Unplaced = Omit<AdmissionViolation, 'change'>;

const violation = (path: string, code: ErrorCode, message: string, fix: string): Unplaced => ({
  path,
  code,
  message,
  fix,
});

function referencesOf(change: ProposedChange, input: AdmissionInput, next: World): readonly Unplaced[] {
  if (change.type === 'delete') return deletionOf(change.current, input, next);
  const desired = change.next;
  const { namespace } = desired;
  switch (desired.kind) {
    case 'TrafficPolicy': {
      const entry = next.policies.get(objectKey(namespace, desired.name));
      return [...(entry?.violations ?? []), ...claimsOf(desired, next), ...staticConflicts(desired, next)];
    }
    case 'Zone': {
      const other = [...next.objects.Zone.values()].find(
        (z) =>
          z.spec.origin === desired.spec.origin &&
          (z.metadata.name !== desired.name || z.metadata.namespace !== namespace),
      );
      const claimed =
        other === undefined
          ? []
          : [
              violation(
                'spec.origin',
                'ZONE_CLAIMED',
                `the zone ${desired.spec.origin} belongs to Zone ${other.metadata.namespace}/${other.metadata.name}`,
                'Use another origin, or delete the other Zone first.',
              ),
            ];
      return [...claimed, ...zoneViolations(desired.spec, next)];
    }
    case 'Cluster':
    case 'HealthCheck':
      return dependantsOf(desired, next);
    case 'Drain':
    case 'Drill':
      return next.objects.Cluster.has(objectKey(namespace, desired.spec.cluster))
        ? []
        : [
            violation(
              'spec.cluster',
              'REFERENCE_NOT_FOUND',
              `there is no Cluster ${namespace}/${desired.spec.cluster}`,
              `Create it, or use one that \`portolan get clusters -n ${namespace}\` lists.`,
            ),
          ];
    case 'Secret':
      return [];
  }
}

/** A change of a Cluster or HealthCheck must not break a policy that uses it. */
function dependantsOf(desired: AnyDesired, next: World): readonly Unplaced[] {
  const broken: Unplaced[] = [];
  for (const [key, entry] of next.policies) {
    if (entry.violations.length === 0 || entry.resource.metadata.namespace !== desired.namespace) continue;
    const uses =
      desired.kind === 'Cluster'
        ? entry.resource.spec.endpoints.some((e) => e.cluster === desired.name)
        : entry.resource.spec.healthCheck !== undefined &&
          'ref' in entry.resource.spec.healthCheck &&
          entry.resource.spec.healthCheck.ref === desired.name;
    const first = entry.violations[0];
    if (uses && first !== undefined) {
      broken.push(
        violation(
          'spec',
          first.code,
          `TrafficPolicy ${key} would not be valid any more: ${first.message}`,
          `${first.fix} Or change the policy in the same apply.`,
        ),
      );
    }
  }
  return broken;
}

function claimsOf(desired: Extract<AnyDesired, { kind: 'TrafficPolicy' }>, next: World): readonly Unplaced[] {
  const own = objectKey(desired.namespace, desired.name);
  return desired.spec.hostnames.flatMap((hostname, i) => {
    if (desired.spec.hostnames.indexOf(hostname) !== i) {
      return [
        violation(
          `spec.hostnames[${i}]`,
          'VALIDATION_FAILED',
          `${hostname} is listed twice`,
          'Remove one of the two.',
        ),
      ];
    }
    const zone = closestZone(hostname, next);
    if (zone !== undefined && zone.metadata.namespace !== desired.namespace) {
      return [
        violation(
          `spec.hostnames[${i}]`,
          'HOSTNAME_CLAIMED',
          `${hostname} lies in Zone ${zone.metadata.namespace}/${zone.metadata.name}, which belongs to another namespace`,
          `Put the policy into namespace ${zone.metadata.namespace}, or let its owners delegate a zone of its own.`,
        ),
      ];
    }
    for (const [key, entry] of next.policies) {
      if (key !== own && entry.resource.spec.hostnames.includes(hostname)) {
        return [
          violation(
            `spec.hostnames[${i}]`,
            'HOSTNAME_CLAIMED',
            `${hostname} belongs to TrafficPolicy ${key}`,
            'Remove the hostname from one of the two policies.',
          ),
        ];
      }
    }
    return [];
  });
}

/** The zone that answers a name: the one with the longest origin. */
function closestZone(hostname: string, world: World): Resource<'Zone'> | undefined {
  return [...world.objects.Zone.values()]
    .filter((z) => z.spec.origin === hostname || hostname.endsWith(`.${z.spec.origin}`))
    .sort((a, b) => b.spec.origin.length - a.spec.origin.length)[0];
}

/** A routed name and a static record of the same type, CNAME or NS cannot both answer. */
function staticConflicts(
  desired: Extract<AnyDesired, { kind: 'TrafficPolicy' }>,
  next: World,
): readonly Unplaced[] {
  return [...next.objects.Zone.values()].flatMap((zone) =>
    desired.spec.hostnames.some((h) => h === zone.spec.origin || h.endsWith(`.${zone.spec.origin}`))
      ? zoneViolations(zone.spec, next, `Zone ${zone.metadata.namespace}/${zone.metadata.name}`)
      : [],
  );
}

function deletionOf(current: AnyResource, input: AdmissionInput, next: World): readonly Unplaced[] {
  const { namespace, name } = current.metadata;
  const users = usersOf(current.kind, namespace, name, next);
  if (users.length > 0) {
    return [
      violation(
        'metadata.name',
        'IN_USE',
        `${current.kind} ${namespace}/${name} is used by ${users.slice(0, 5).join(', ')}`,
        'Delete or change these first, or in the same call.',
      ),
    ];
  }
  if (current.kind === 'Cluster' && input.joined.has(objectKey(namespace, name))) {
    return [
      violation(
        'metadata.name',
        'CLUSTER_JOINED',
        `Cluster ${namespace}/${name} has a joined agent`,
        `Use \`portolan cluster remove ${name} -n ${namespace}\`, which revokes it.`,
      ),
    ];
  }
  if (
    current.kind === 'Drill' &&
    (current.status?.phase === 'Running' || current.status?.phase === 'RollingBack')
  ) {
    return [
      violation(
        'metadata.name',
        'DRILL_ACTIVE',
        `Drill ${namespace}/${name} is running`,
        `Abort it first: \`portolan drill abort ${name} -n ${namespace}\`.`,
      ),
    ];
  }
  return [];
}

function usersOf(kind: Kind, namespace: string, name: string, next: World): readonly string[] {
  const inNamespace = [...next.policies].filter(([, e]) => e.resource.metadata.namespace === namespace);
  if (kind === 'Cluster') {
    return inNamespace
      .filter(([, e]) => e.resource.spec.endpoints.some((x) => x.cluster === name))
      .map(([key]) => `TrafficPolicy ${key}`);
  }
  if (kind === 'HealthCheck') {
    return inNamespace
      .filter(
        ([, e]) =>
          e.resource.spec.healthCheck !== undefined &&
          'ref' in e.resource.spec.healthCheck &&
          e.resource.spec.healthCheck.ref === name,
      )
      .map(([key]) => `TrafficPolicy ${key}`);
  }
  if (kind === 'Secret') {
    const policies = inNamespace
      .filter(
        ([, e]) =>
          e.resource.spec.healthCheck !== undefined &&
          'inline' in e.resource.spec.healthCheck &&
          namesSecret(e.resource.spec.healthCheck.inline, name),
      )
      .map(([key]) => `TrafficPolicy ${key}`);
    const checks = [...next.objects.HealthCheck]
      .filter(([, h]) => h.metadata.namespace === namespace && namesSecret(h.spec, name))
      .map(([key]) => `HealthCheck ${key}`);
    return [...policies, ...checks];
  }
  return [];
}

function namesSecret(check: object, secret: string): boolean {
  return (
    'caSecret' in check &&
    typeof check.caSecret === 'object' &&
    check.caSecret !== null &&
    'name' in check.caSecret &&
    check.caSecret.name === secret
  );
}

/** LAST_CAPACITY and the change budget, per hostname that exists before and after. */
function guards(
  input: AdmissionInput,
  next: World,
): { violations: readonly AdmissionViolation[]; charges: ReadonlyMap<string, readonly Removal[]> } {
  const violations: AdmissionViolation[] = [];
  const charges = new Map<string, readonly Removal[]>();
  const drainedBefore = drainedClusters(input.world, input.moment.wallMs);
  const drainedAfter = drainedClusters(next, input.moment.wallMs);
  for (const [hostname, policyKey] of next.hostnames) {
    // The entry is reused when nothing it depends on changed; then only drains can matter.
    const unchanged =
      input.world.policies.get(policyKey)?.routed?.policy === next.policies.get(policyKey)?.routed?.policy;
    if (unchanged && sameMembers(drainedBefore, drainedAfter)) continue;
    const before = capacityOf(input.world, hostname, drainedBefore, input.moment);
    const after = capacityOf(next, hostname, drainedAfter, input.moment);
    if (before === undefined || after === undefined) continue;
    const change = changeFor(
      input.changes,
      policyKey,
      before.endpoints.map((e) => e.cluster),
    );
    if (before.serving.length > 0 && after.serving.length === 0) {
      const left =
        after.active.length === 0
          ? 'no active endpoint'
          : `only endpoints that are down (${after.active.map((e) => e.name).join(', ')})`;
      violations.push({
        change,
        path: 'spec',
        code: 'LAST_CAPACITY',
        message: `${hostname} would have ${left}`,
        fix: 'Bring another cluster back first, or repeat with --force and a --reason.',
      });
      continue;
    }
    if (unchanged) continue;
    // Only configuration is charged here: a drain is a person's explicit word, and a quorum's removal never comes this way.
    const stays = new Set(after.endpoints.map((e) => e.name));
    const gone = before.endpoints.filter((e) => !stays.has(e.name));
    if (gone.length === 0) continue;
    const verdict = chargeRemoval(
      input.budget.get(hostname) ?? [],
      { atMs: input.moment.wallMs, capacity: capacitySum(gone), endpoints: gone.length },
      { capacity: capacitySum(before.endpoints), endpoints: before.endpoints.length },
      input.budgetConfig ?? DEFAULT_BUDGET,
    );
    if (verdict.allowed) {
      charges.set(hostname, verdict.history);
    } else {
      const wait =
        verdict.retryInMs === undefined
          ? 'Remove fewer endpoints at a time'
          : `Wait ${Math.ceil(verdict.retryInMs / 1000)} s, remove fewer endpoints at a time`;
      violations.push({
        change,
        path: 'spec.endpoints',
        code: 'CHANGE_BUDGET_EXCEEDED',
        message: `${hostname} would lose ${verdict.removedPercent} % of its capacity within 5 minutes (${gone.map((e) => e.name).join(', ')}); the limit is ${verdict.limitPercent} %`,
        fix: `${wait}, or repeat with --force and a --reason.`,
      });
    }
  }
  return { violations, charges };
}

function changeFor(
  changes: readonly ProposedChange[],
  policyKey: string,
  clusters: readonly string[],
): number {
  const index = changes.findIndex((c) => {
    if (c.key.kind === 'TrafficPolicy') return objectKey(c.key.namespace, c.key.name) === policyKey;
    if (c.key.kind === 'Drain' && c.type !== 'delete' && c.next.kind === 'Drain')
      return clusters.includes(objectKey(c.key.namespace, c.next.spec.cluster));
    return c.key.kind === 'Cluster' && clusters.includes(objectKey(c.key.namespace, c.key.name));
  });
  return Math.max(0, index);
}

function sameMembers(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((x) => b.has(x));
}

function warningsFor(desired: AnyDesired, next: World): readonly string[] {
  if (desired.kind !== 'TrafficPolicy') return [];
  const origins = [...next.objects.Zone.values()].map((z) => z.spec.origin);
  return desired.spec.hostnames
    .filter((h) => !origins.some((o) => o === h || h.endsWith(`.${o}`)))
    .map((h) => `${h} lies in no Zone: nobody answers it until a Zone with its parent as origin exists`);
}

function asStored(desired: AnyDesired, current: AnyResource | undefined, nowIso: string): AnyResource {
  const { kind: _kind, spec: _spec, namespace, name, ...maps } = desired;
  const changed = current === undefined || JSON.stringify(current.spec) !== JSON.stringify(desired.spec);
  const metadata = {
    ...maps,
    namespace,
    name,
    uid: current?.metadata.uid ?? `proposed-${desired.kind}-${namespace}-${name}`,
    resourceVersion: current?.metadata.resourceVersion ?? '0',
    generation: (current?.metadata.generation ?? 0) + (changed ? 1 : 0),
    creationTimestamp: current?.metadata.creationTimestamp ?? nowIso,
  };
  return stored(desired, metadata, current);
}

function stored(
  desired: AnyDesired,
  metadata: AnyResource['metadata'],
  current: AnyResource | undefined,
): AnyResource {
  const status = current?.status === undefined ? {} : { status: current.status };
  // kind and spec come from one desired object, so they fit together; the compiler cannot follow the pairing.
  return {
    apiVersion: 'portolan.dev/v1alpha1',
    kind: desired.kind,
    spec: desired.spec,
    metadata,
    ...status,
  } as AnyResource;
}
