import { type FoundObjects, withFound } from '../../src/policy/found-objects.ts';
import { isPolicy, onlyHttp } from '../../src/policy/listeners.ts';
import { ruleNameOf } from '../../src/policy/route-rules.ts';
import { CLUSTERS_ANNOTATION } from '../../src/resources/gateway.ts';
import type { PolicyTargetReference } from '../../src/resources/policy-attachment.ts';
import type { AnyDesired, DesiredObject } from '../api/services.ts';
import { type ObjectKey, type Objects, objectKey } from '../reconcile/objects.ts';
import { validityOf } from './certificate-pair.ts';
import { limitWarnings } from './limit-warnings.ts';
import { conflictsOf } from './policy-conflicts.ts';
import { secretsNamedIn } from './policy-secrets.ts';

/**
 * What a person should know of a change although it is stored: references that lead nowhere yet. The Gateway API is level-based: what is
 * missing may come later, so nothing is refused for it; the status says it as well.
 */
export function gatewayWarnings(
  desired: AnyDesired,
  stored: Objects,
  wallMs: number,
  found: readonly FoundObjects[] = [],
): readonly string[] {
  // What it names may be in a cluster.
  const objects = found.reduce<Objects>((all, one) => withFound(all, one), stored);
  switch (desired.kind) {
    case 'Gateway':
      return [
        ...otherProtocols(desired),
        ...missingSecrets(desired, objects),
        ...missingClusters(desired, objects),
      ];
    case 'HTTPRoute':
    case 'GRPCRoute':
      return [...missingParents(desired, objects), ...missingBackends(desired, objects, found)];
    case 'AuthPolicy':
    case 'GatewayPolicy':
      return [
        ...(desired.spec.targetRefs ?? []).flatMap((ref) => missingTarget(ref, desired.namespace, objects)),
        ...conflictsOf(desired, objects),
        ...missingValues(desired, objects),
      ];
    case 'RateLimitPolicy':
      return [
        ...(desired.spec.targetRefs ?? []).flatMap((ref) => missingTarget(ref, desired.namespace, objects)),
        ...conflictsOf(desired, objects),
        ...limitWarnings(desired, objects),
      ];
    case 'Secret':
      return certificateWarnings(desired, wallMs);
    default:
      return [];
  }
}

function otherProtocols({ spec }: DesiredObject<'Gateway'>): readonly string[] {
  return spec.listeners
    .filter(({ protocol }) => protocol !== 'HTTP' && protocol !== 'HTTPS')
    .map(({ name, protocol }) => `listener ${name} is not served: its ${onlyHttp(protocol)}`);
}

function missingSecrets({ namespace, spec }: DesiredObject<'Gateway'>, objects: Objects): readonly string[] {
  return spec.listeners.flatMap(({ name, tls }) =>
    (tls?.certificateRefs ?? []).flatMap((ref) => {
      if (isPolicy(ref)) return [];
      const key = objectKey(ref.namespace ?? namespace, ref.name);
      return objects.Secret.has(key)
        ? []
        : [`listener ${name} names Secret ${key}, which does not exist: it is not served until it does`];
    }),
  );
}

function missingClusters(
  { namespace, annotations }: DesiredObject<'Gateway'>,
  objects: Objects,
): readonly string[] {
  return (annotations[CLUSTERS_ANNOTATION] ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && !objects.Cluster.has(objectKey(namespace, name)))
    .map(
      (name) =>
        `the annotation ${CLUSTERS_ANNOTATION} names Cluster ${namespace}/${name}, which does not exist`,
    );
}

type Route = DesiredObject<'HTTPRoute'> | DesiredObject<'GRPCRoute'>;

function missingParents({ namespace, spec }: Route, objects: Objects): readonly string[] {
  return spec.parentRefs.flatMap((ref) => {
    if (ref.kind !== 'Gateway') return [];
    const key = objectKey(ref.namespace ?? namespace, ref.name);
    const gateway = objects.Gateway.get(key);
    if (gateway === undefined) return [`there is no Gateway ${key}: the route is served once it exists`];
    const { sectionName } = ref;
    return sectionName === undefined || gateway.spec.listeners.some((l) => l.name === sectionName)
      ? []
      : [`Gateway ${key} has no listener "${sectionName}"`];
  });
}

function missingBackends(
  { namespace, spec }: Route,
  objects: Objects,
  found: readonly FoundObjects[],
): readonly string[] {
  const keys = spec.rules.flatMap((rule) =>
    rule.backendRefs
      .filter((ref) => ref.kind === 'Service' || ref.kind === 'Backend')
      .map((ref) => objectKey(ref.namespace ?? namespace, ref.name)),
  );
  return [...new Set(keys)]
    .filter((key) => !objects.Backend.has(key) && !found.some(({ services }) => services.has(key)))
    .map((key) => `there is no Backend ${key}: requests to it are answered 500 until it exists`);
}

function missingTarget(ref: PolicyTargetReference, namespace: string, objects: Objects): readonly string[] {
  const { kind, name, sectionName } = ref;
  const key = objectKey(namespace, name);
  const sections = sectionsOf(kind, key, objects);
  if (sections === undefined) return [`there is no ${kind} ${key}: the policy holds nowhere yet`];
  if (sectionName === undefined || sections.includes(sectionName)) return [];
  const part = kind === 'Gateway' ? 'listener' : 'rule';
  return [
    `${kind} ${key} has no ${part} "${sectionName}" (it has ${sections.join(', ')}): the policy holds nowhere yet`,
  ];
}

/** What a `sectionName` may be there: names of listeners, names or indices of rules; undefined when there is no such object. */
function sectionsOf(
  kind: PolicyTargetReference['kind'],
  key: ObjectKey,
  objects: Objects,
): readonly string[] | undefined {
  if (kind === 'Gateway') return objects.Gateway.get(key)?.spec.listeners.map(({ name }) => name);
  const route = objects[kind].get(key);
  return route?.spec.rules.map((_rule, index) => ruleNameOf(route, index));
}

function missingValues(
  { namespace, spec }: DesiredObject<'AuthPolicy'> | DesiredObject<'GatewayPolicy'>,
  objects: Objects,
): readonly string[] {
  const keys = secretsNamedIn(spec).map(({ name }) => objectKey(namespace, name));
  return [...new Set(keys)]
    .filter((key) => !objects.Secret.has(key))
    .map((key) => `there is no Secret ${key}: what needs it denies until it exists`);
}

const DAY_MS = 86_400_000;

function certificateWarnings({ spec }: DesiredObject<'Secret'>, wallMs: number): readonly string[] {
  const pem = spec.stringData?.['tls.crt'];
  const validity = typeof pem === 'string' ? validityOf(pem) : undefined;
  if (validity === undefined) return [];
  if (validity.toMs <= wallMs)
    return [`the certificate in tls.crt expired on ${new Date(validity.toMs).toISOString()}`];
  if (validity.fromMs > wallMs)
    return [`the certificate in tls.crt is not valid before ${new Date(validity.fromMs).toISOString()}`];
  if (validity.toMs - wallMs < 7 * DAY_MS)
    return [`the certificate in tls.crt expires on ${new Date(validity.toMs).toISOString()}`];
  return [];
}
