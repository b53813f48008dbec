import type { ErrorCode } from '../../src/errors/table.ts';
import { zoneAbove } from '../../src/plan/delegation.ts';
import type { AnyResource, Kind, Resource } from '../../src/resources/catalogue.ts';
import { tsigSecretsOf } from '../../src/resources/tsig-secret.ts';
import type { AdmissionViolation, AnyDesired, ProposedChange } from '../api/services.ts';
import { certificatePolicyViolations } from '../certificates/admission.ts';
import { certificateViolations, gatewayViolations } from '../gateways/admission.ts';
import { providerViolations, secretsOf } from '../providers/admission.ts';
import { objectKey } from './objects.ts';
import type { World } from './world.ts';
import { zoneViolations } from './zones.ts';

/** A violation of the change that is looked at. */
export type Unplaced = Omit<AdmissionViolation, 'change'>;

const violation = (path: string, code: ErrorCode, message: string, fix: string): Unplaced => ({
  path,
  code,
  message,
  fix,
});

/**
 * What is wrong with a change in the world as it would be: names that lead nowhere, claims of others, things still in use.
 * Never forced.
 * @param joined keys of clusters with a joined agent that is not revoked
 */
export function referenceViolations(
  change: ProposedChange,
  next: World,
  joined: ReadonlySet<string>,
  /** CIDR blocks the operator permits although they would be refused (I32). */
  allowedRanges: readonly string[] = [],
  /** Namespaces whose DNSProviders need no Secret. */
  ownCredentials?: readonly string[],
  isRegion: (name: string) => boolean = () => true,
): readonly Unplaced[] {
  if (change.type === 'delete') return deletionOf(change.current, next, joined);
  const desired = change.next;
  const { namespace } = desired;
  switch (desired.kind) {
    case 'TrafficPolicy': {
      const entry = next.policies.get(objectKey(namespace, desired.name));
      return [...(entry?.violations ?? []), ...claimsOf(desired, next), ...staticConflicts(desired, next)];
    }
    case 'Zone':
      return [
        ...originClaims(desired, next),
        ...zoneViolations(desired.spec, next),
        ...tsigViolations(desired, next),
        ...delegationViolations(desired, next),
      ];
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
    case 'DNSProvider':
      return [
        ...delegatingZones(desired, next),
        ...providerViolations(desired, next, allowedRanges, ownCredentials),
      ];
    case 'Secret':
      return certificateViolations(desired);
    case 'Gateway':
    case 'HTTPRoute':
    case 'GRPCRoute':
    case 'BackendTLSPolicy':
    case 'ReferenceGrant':
    case 'Backend':
    case 'AuthPolicy':
    case 'GatewayPolicy':
    case 'RateLimitPolicy':
    case 'CallerRouting':
      return gatewayViolations(desired, { allowedRanges, isRegion });
    case 'Issuer':
    case 'CertificatePolicy':
      return certificatePolicyViolations(desired, allowedRanges);
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

/** Each TSIG key a zone names is there; what is in it is looked at where Secrets are opened. */
function tsigViolations(desired: Extract<AnyDesired, { kind: 'Zone' }>, next: World): readonly Unplaced[] {
  const { namespace, spec } = desired;
  return tsigSecretsOf(spec.transfers).flatMap((name) =>
    next.objects.Secret.has(objectKey(namespace, name))
      ? []
      : [
          violation(
            'spec.transfers',
            'REFERENCE_NOT_FOUND',
            `there is no Secret ${namespace}/${name}`,
            'Create it with the keys `name`, `algorithm` and `secret` of the TSIG key, also in the same apply.',
          ),
        ],
  );
}

/** A delegation is published by a DNSProvider of the zone's namespace, into a zone above the origin. */
function delegationViolations(
  desired: Extract<AnyDesired, { kind: 'Zone' }>,
  next: World,
): readonly Unplaced[] {
  const { namespace, spec } = desired;
  if (spec.delegation === undefined) return [];
  const key = objectKey(namespace, spec.delegation.provider);
  const provider = next.objects.DNSProvider.get(key);
  if (provider === undefined) {
    return [
      violation(
        'spec.delegation.provider',
        'REFERENCE_NOT_FOUND',
        `there is no DNSProvider ${key}`,
        `Create it, also in the same apply, or use one that \`portolan get dnsproviders -n ${namespace}\` lists.`,
      ),
    ];
  }
  if (zoneAbove(spec.origin, provider.spec.zones) !== undefined) return [];
  const origins = provider.spec.zones.map((zone) => zone.origin).join(', ');
  return [
    violation(
      'spec.delegation.provider',
      'REFERENCE_NOT_FOUND',
      `DNSProvider ${key} has no zone above ${spec.origin} (only ${origins})`,
      `Add the zone above ${spec.origin} to spec.zones of the DNSProvider, or name another one.`,
    ),
  ];
}

/** A change of a DNSProvider must not leave a zone without the zone that it is delegated from. */
function delegatingZones(
  desired: Extract<AnyDesired, { kind: 'DNSProvider' }>,
  next: World,
): readonly Unplaced[] {
  return [...next.objects.Zone].flatMap(([key, { metadata, spec }]) =>
    metadata.namespace !== desired.namespace ||
    spec.delegation?.provider !== desired.name ||
    zoneAbove(spec.origin, desired.spec.zones) !== undefined
      ? []
      : [
          violation(
            'spec.zones',
            'IN_USE',
            `Zone ${key} is delegated from here, and no zone above ${spec.origin} would be left`,
            `Keep the zone above ${spec.origin}, or take \`delegation\` out of Zone ${key} in the same apply.`,
          ),
        ],
  );
}

/** One zone per origin; and a zone inside another namespace's names would take them over, since the longest origin answers. */
function originClaims(desired: Extract<AnyDesired, { kind: 'Zone' }>, next: World): readonly Unplaced[] {
  const { namespace, name } = desired;
  const { origin } = desired.spec;
  const isOther = (z: Resource<'Zone'>): boolean =>
    z.metadata.name !== name || z.metadata.namespace !== namespace;
  const same = [...next.objects.Zone.values()].find((z) => z.spec.origin === origin && isOther(z));
  if (same !== undefined) {
    return [
      violation(
        'spec.origin',
        'ZONE_CLAIMED',
        `the zone ${origin} belongs to Zone ${same.metadata.namespace}/${same.metadata.name}`,
        'Use another origin, or delete the other Zone first.',
      ),
    ];
  }
  const parent = closestZone(origin, next, isOther);
  if (parent !== undefined && parent.metadata.namespace !== namespace && !delegates(parent, origin)) {
    const owner = `${parent.metadata.namespace}/${parent.metadata.name}`;
    return [
      violation(
        'spec.origin',
        'ZONE_CLAIMED',
        `${origin} lies in Zone ${owner}, which belongs to another namespace and does not delegate it`,
        `Let the owners of Zone ${owner} add an NS record for ${origin}, or use another origin.`,
      ),
    ];
  }
  for (const [hostname, key] of next.hostnames) {
    const policy = next.policies.get(key)?.resource;
    if (policy === undefined || policy.metadata.namespace === namespace) continue;
    if (closestZone(hostname, next)?.spec.origin !== origin) continue;
    return [
      violation(
        'spec.origin',
        'ZONE_CLAIMED',
        `${hostname} belongs to TrafficPolicy ${key} of another namespace`,
        'Use an origin that does not contain it, or let its owners remove the hostname first.',
      ),
    ];
  }
  return [];
}

/** True when the zone's owners gave the name, or one above it, away by NS records. */
function delegates(zone: Resource<'Zone'>, origin: string): boolean {
  return zone.spec.records.some((record) => {
    if (record.type !== 'NS' || record.name === '@') return false;
    const name = record.name.toLowerCase();
    const owner = name.endsWith('.') ? name : `${name}.${zone.spec.origin}`;
    return origin === owner || origin.endsWith(`.${owner}`);
  });
}

/** The zone that answers a name: the one with the longest origin. */
function closestZone(
  hostname: string,
  world: World,
  counts: (zone: Resource<'Zone'>) => boolean = () => true,
): Resource<'Zone'> | undefined {
  return [...world.objects.Zone.values()]
    .filter((z) => counts(z) && (z.spec.origin === hostname || hostname.endsWith(`.${z.spec.origin}`)))
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

function deletionOf(current: AnyResource, next: World, joined: ReadonlySet<string>): readonly Unplaced[] {
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
  if (current.kind === 'Cluster' && joined.has(objectKey(namespace, name))) {
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
  if (kind === 'DNSProvider') {
    return [...next.objects.Zone]
      .filter(([, z]) => z.metadata.namespace === namespace && z.spec.delegation?.provider === name)
      .map(([key]) => `Zone ${key}`);
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
    const zones = [...next.objects.Zone]
      .filter(([, z]) => z.metadata.namespace === namespace && tsigSecretsOf(z.spec.transfers).includes(name))
      .map(([key]) => `Zone ${key}`);
    const providers = [...next.objects.DNSProvider]
      .filter(([, p]) => p.metadata.namespace === namespace && secretsOf(p.spec).includes(name))
      .map(([key]) => `DNSProvider ${key}`);
    return [...policies, ...checks, ...zones, ...providers];
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
