import { covers, withoutWildcard } from '../../src/certificates/names.ts';
import { isPolicy } from '../../src/policy/listeners.ts';
import type { ListenerSpec } from '../../src/resources/gateway.ts';
import type { AnyDesired, DesiredObject } from '../api/services.ts';
import { type ObjectKey, type Objects, objectKey } from '../reconcile/objects.ts';

/** More names than this are counted and not told. */
const TOLD = 5;

/** What a person should know of a change although it is stored: what is missing may come later. */
export function certificateWarnings(desired: AnyDesired, objects: Objects): readonly string[] {
  switch (desired.kind) {
    case 'Issuer':
      return missingSecrets(desired, objects);
    case 'CertificatePolicy':
      return [
        ...missingIssuers(desired, objects),
        ...wantsNothing(desired, objects),
        ...unprovable(desired, objects),
        ...listenersNaming(objectKey(desired.namespace, desired.name), objects).flatMap(
          ({ gateway, listener }) => uncovered(gateway, listener, desired),
        ),
      ];
    case 'Gateway':
      return desired.spec.listeners.flatMap((listener) => wrongPolicies(desired, listener, objects));
    default:
      return [];
  }
}

function missingSecrets({ namespace, spec }: DesiredObject<'Issuer'>, objects: Objects): readonly string[] {
  const { caSecret, externalAccountBinding } = spec.acme ?? {};
  return [caSecret, externalAccountBinding?.secret].flatMap((ref) =>
    ref === undefined || objects.Secret.has(objectKey(namespace, ref.name))
      ? []
      : [
          `there is no Secret ${objectKey(namespace, ref.name)}: nothing is ordered from the Issuer until it exists`,
        ],
  );
}

type Policy = Pick<DesiredObject<'CertificatePolicy'>, 'namespace' | 'name' | 'spec'>;

function missingIssuers({ namespace, spec }: Policy, objects: Objects): readonly string[] {
  return spec.issuers
    .filter((name) => !objects.Issuer.has(objectKey(namespace, name)))
    .map(
      (name) =>
        `there is no Issuer ${objectKey(namespace, name)}: nothing is ordered from it until it exists`,
    );
}

function wantsNothing({ namespace, name, spec }: Policy, objects: Objects): readonly string[] {
  if (spec.dnsNames !== undefined || spec.selector !== undefined) return [];
  const named = listenersNaming(objectKey(namespace, name), objects);
  if (named.some(({ listener }) => listener.hostname !== undefined)) return [];
  return [
    named.length === 0
      ? 'no listener names this policy in tls.certificateRefs, and it has no dnsNames: it wants no certificate yet'
      : 'the listeners that name this policy have no hostname, and it has no dnsNames: it wants no certificate yet',
  ];
}

/** Names for which no way to prove them can be seen. What DNS says of `_acme-challenge` is not known here. */
function unprovable({ namespace, name, spec }: Policy, objects: Objects): readonly string[] {
  const issuers = spec.issuers.flatMap((issuer) => objects.Issuer.get(objectKey(namespace, issuer)) ?? []);
  // The internal CA asks for no proof.
  if (issuers.length > 0 && issuers.every((issuer) => issuer.spec.acme === undefined)) return [];
  const names =
    spec.dnsNames ??
    listenersNaming(objectKey(namespace, name), objects).flatMap(({ listener }) => listener.hostname ?? []);
  const lost = [...new Set(names)].filter(
    (dnsName) => !canProve(dnsName, namespace, spec.challenge, objects),
  );
  if (lost.length === 0) return [];
  const told = lost.slice(0, TOLD).join(', ') + (lost.length > TOLD ? ` and ${lost.length - TOLD} more` : '');
  switch (spec.challenge) {
    case 'http-01':
      return [`no Gateway has an HTTP listener on port 80 for ${told}: http-01 cannot be answered`];
    case 'tls-alpn-01':
      return [`no Gateway has an HTTPS listener on port 443 for ${told}: tls-alpn-01 cannot be answered`];
    case 'dns-01':
    case 'auto':
      return [
        `no Zone or DNSProvider of namespace ${namespace} holds ${told}: the CA gives a certificate only if _acme-challenge there is a CNAME into one${spec.challenge === 'auto' && !lost.every(isWildcard) ? ', or a Gateway serves the name on port 80' : ''}`,
      ];
  }
}

const isWildcard = (name: string): boolean => name.startsWith('*.');

function canProve(
  dnsName: string,
  namespace: string,
  challenge: Policy['spec']['challenge'],
  objects: Objects,
): boolean {
  const byDns = challenge === 'dns-01' || challenge === 'auto';
  if (byDns && isHeld(withoutWildcard(dnsName), namespace, objects)) return true;
  if (challenge === 'dns-01' || isWildcard(dnsName)) return false;
  const [protocol, port] = challenge === 'tls-alpn-01' ? ['HTTPS', 443] : ['HTTP', 80];
  return [...objects.Gateway.values()].some(({ spec }) =>
    spec.listeners.some(
      (l) =>
        l.protocol === protocol &&
        l.port === port &&
        (l.hostname === undefined || covers(l.hostname, dnsName)),
    ),
  );
}

function isHeld(dnsName: string, namespace: string, objects: Objects): boolean {
  const within = (origin: string): boolean => {
    const bare = origin.replace(/\.$/, '');
    return dnsName === bare || dnsName.endsWith(`.${bare}`);
  };
  return (
    [...objects.Zone.values()].some(
      (zone) => zone.metadata.namespace === namespace && within(zone.spec.origin),
    ) ||
    [...objects.DNSProvider.values()].some(
      (provider) =>
        provider.metadata.namespace === namespace && provider.spec.zones.some(({ origin }) => within(origin)),
    )
  );
}

function listenersNaming(
  policy: ObjectKey,
  objects: Objects,
): readonly { readonly gateway: string; readonly listener: ListenerSpec }[] {
  return [...objects.Gateway.values()].flatMap(({ metadata, spec }) =>
    spec.listeners
      .filter((listener) => policiesOf(metadata.namespace, listener).includes(policy))
      .map((listener) => ({ gateway: metadata.name, listener })),
  );
}

function policiesOf(namespace: string, { tls }: ListenerSpec): readonly ObjectKey[] {
  return (tls?.certificateRefs ?? [])
    .filter(isPolicy)
    .map((ref) => objectKey(ref.namespace ?? namespace, ref.name));
}

function wrongPolicies(
  { namespace, name }: DesiredObject<'Gateway'>,
  listener: ListenerSpec,
  objects: Objects,
): readonly string[] {
  return policiesOf(namespace, listener).flatMap((key) => {
    const policy = objects.CertificatePolicy.get(key);
    if (policy === undefined)
      return [
        `listener ${listener.name} names CertificatePolicy ${key}, which does not exist: it is not served until it does`,
      ];
    const { metadata, spec } = policy;
    return uncovered(name, listener, { namespace: metadata.namespace, name: metadata.name, spec });
  });
}

/** Whether the policy's own names leave a listener's out that names it. Names by selector are known later. */
function uncovered(gateway: string, { name, hostname }: ListenerSpec, policy: Policy): readonly string[] {
  const { dnsNames, selector } = policy.spec;
  if (hostname === undefined || dnsNames === undefined || selector !== undefined) return [];
  if (dnsNames.some((pattern) => covers(pattern, hostname))) return [];
  return [
    `listener ${name} of Gateway ${gateway} serves ${hostname}, which CertificatePolicy ${objectKey(policy.namespace, policy.name)} does not cover: add it to dnsNames`,
  ];
}
