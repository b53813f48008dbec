import { isIP } from 'node:net';
import type { ErrorCode } from '../../src/errors/table.ts';
import { checkAddress } from '../../src/health/address-policy.ts';
import { type DnsProviderSpec, providerSecretOf, providerTypeOf } from '../../src/resources/dns-provider.ts';
import { parseTsigSecret } from '../../src/resources/tsig-secret.ts';
import type { AdmissionViolation, DesiredObject, ProposedChange } from '../api/services.ts';
import { objectKey } from '../reconcile/objects.ts';
import type { World } from '../reconcile/world.ts';
import type { Store } from '../store/contract.ts';
import { mergeValues, type SecretValues } from '../store/secrets.ts';
import { accountKeyOf } from './account.ts';
import { caSecretOf } from './ca-secret.ts';
import { ownCredentialsProblem } from './own-credentials.ts';

type Unplaced = Omit<AdmissionViolation, 'change'>;

const violation = (path: string, code: ErrorCode, message: string, fix: string): Unplaced => ({
  path,
  code,
  message,
  fix,
});

/** Names of the Secrets that a DNSProvider uses. */
export function secretsOf(spec: DnsProviderSpec): readonly string[] {
  return [providerSecretOf(spec), caSecretOf(spec)?.name].flatMap((name) => name ?? []);
}

/** What is wrong with a DNSProvider in the world as it would be, besides what is in its Secrets. */
export function providerViolations(
  desired: DesiredObject<'DNSProvider'>,
  next: World,
  allowedRanges: readonly string[],
  ownCredentials?: readonly string[],
): readonly Unplaced[] {
  const ambient = ownCredentialsProblem(desired.namespace, desired.spec, ownCredentials);
  return [
    ...(ambient === undefined
      ? []
      : [violation(`spec.${providerTypeOf(desired.spec)}`, ambient.code, ambient.message, ambient.fix)]),
    ...missingSecrets(desired, next),
    ...forbiddenHosts(desired.spec, allowedRanges),
    ...originClaims(desired, next),
  ];
}

function missingSecrets({ namespace, spec }: DesiredObject<'DNSProvider'>, next: World): readonly Unplaced[] {
  return secretsOf(spec).flatMap((name) =>
    next.objects.Secret.has(objectKey(namespace, name))
      ? []
      : [
          violation(
            `spec.${providerTypeOf(spec)}`,
            'REFERENCE_NOT_FOUND',
            `there is no Secret ${namespace}/${name}`,
            'Create it with the credentials, also in the same apply.',
          ),
        ],
  );
}

/** I32: hosts written as addresses are judged at once; names are judged when they are resolved. */
function forbiddenHosts(spec: DnsProviderSpec, allowedRanges: readonly string[]): readonly Unplaced[] {
  const urls = [
    ['spec.route53.endpoint', spec.route53?.endpoint],
    ['spec.google.endpoint', spec.google?.endpoint],
    ['spec.azure.endpoint', spec.azure?.endpoint],
    ['spec.azure.authorityHost', spec.azure?.authorityHost],
    ['spec.powerdns.url', spec.powerdns?.url],
  ] as const;
  const hosts = [
    ...urls.flatMap(([path, url]) => (url === undefined ? [] : [[path, new URL(url).hostname] as const])),
    ['spec.rfc2136.server', spec.rfc2136?.server ?? ''] as const,
    ...spec.verify.servers.map(({ address }, i) => [`spec.verify.servers[${i}].address`, address] as const),
  ];
  return hosts.flatMap(([path, host]) => {
    const address = host.replace(/^\[(.*)\]$/, '$1');
    const hit = isIP(address) === 0 ? undefined : checkAddress(address, allowedRanges);
    return hit === undefined
      ? []
      : [
          violation(
            path,
            'ADDRESS_FORBIDDEN',
            `${address} lies in ${hit.range}: ${hit.why}`,
            `Use a public address, or have the operator allow the range in \`network.allowedRanges\` of the hub's configuration.`,
          ),
        ];
  });
}

/** Another namespace's zone is not written, and no zone by two DNSProviders of one account: their fences would fight. */
function originClaims(
  { namespace, name, spec }: DesiredObject<'DNSProvider'>,
  next: World,
): readonly Unplaced[] {
  return spec.zones.flatMap((zone, i) => {
    const path = `spec.zones[${i}].origin`;
    const twin = spec.zones.findIndex(
      (other) => other.origin === zone.origin && other.id === zone.id && other.private === zone.private,
    );
    if (twin < i)
      return [violation(path, 'ZONE_CLAIMED', `${zone.origin} stands here twice`, 'Remove one of the two.')];
    const embedded = [...next.objects.Zone.values()].find(
      (other) => other.spec.origin === zone.origin && other.metadata.namespace !== namespace,
    );
    if (embedded !== undefined)
      return [
        violation(
          path,
          'ZONE_CLAIMED',
          `the zone ${zone.origin} belongs to Zone ${embedded.metadata.namespace}/${embedded.metadata.name} of another namespace`,
          `Put the DNSProvider into namespace ${embedded.metadata.namespace}, or use another zone.`,
        ),
      ];
    for (const [key, other] of next.objects.DNSProvider) {
      if (key === objectKey(namespace, name)) continue;
      const same = other.spec.zones.some((z) => z.origin === zone.origin && z.private === zone.private);
      if (!same) continue;
      if (other.metadata.namespace !== namespace)
        return [
          violation(
            path,
            'ZONE_CLAIMED',
            `the zone ${zone.origin} belongs to DNSProvider ${key} of another namespace`,
            `Put the DNSProvider into namespace ${other.metadata.namespace}, or remove the zone there first.`,
          ),
        ];
      const sameAccount = accountKeyOf(namespace, other.spec, {}) === accountKeyOf(namespace, spec, {});
      const sameSecret = providerSecretOf(other.spec) === providerSecretOf(spec);
      if (
        sameAccount &&
        sameSecret &&
        other.spec.zones.some((z) => z.origin === zone.origin && z.id === zone.id)
      )
        return [
          violation(
            path,
            'ZONE_CLAIMED',
            `DNSProvider ${key} writes the zone ${zone.origin} with the same account`,
            'Remove the zone from one of the two, or write which one is meant as `id`.',
          ),
        ];
    }
    return [];
  });
}

/**
 * What is wrong with the credentials of DNSProviders in the world as it would be: judged at the change of the DNSProvider, or of a Secret
 * that one uses. Reads stored values; none of them is in what it says.
 */
export async function providerSecretViolations(
  changes: readonly ProposedChange[],
  next: World,
  store: Pick<Store, 'secretData'>,
): Promise<readonly AdmissionViolation[]> {
  const violations: AdmissionViolation[] = [];
  const changed = new Set<string>();
  for (const [change, proposed] of changes.entries()) {
    if (proposed.type === 'delete') continue;
    const { kind, namespace, name } = proposed.next;
    if (kind === 'DNSProvider') {
      changed.add(objectKey(namespace, name));
      const found = await problemsOf(namespace, proposed.next.spec, changes, next, store);
      violations.push(...found.map((v) => ({ ...v, change })));
    }
  }
  for (const [change, proposed] of changes.entries()) {
    if (proposed.type === 'delete' || proposed.next.kind !== 'Secret') continue;
    const { namespace, name } = proposed.next;
    for (const [key, provider] of next.objects.DNSProvider) {
      if (changed.has(key) || provider.metadata.namespace !== namespace) continue;
      if (!secretsOf(provider.spec).includes(name)) continue;
      const found = await problemsOf(namespace, provider.spec, changes, next, store);
      violations.push(...found.map((v) => ({ ...v, change, path: 'spec.stringData' })));
    }
  }
  return violations;
}

async function problemsOf(
  namespace: string,
  spec: DnsProviderSpec,
  changes: readonly ProposedChange[],
  next: World,
  store: Pick<Store, 'secretData'>,
): Promise<readonly Unplaced[]> {
  const type = providerTypeOf(spec);
  const found: Unplaced[] = [];
  const secret = providerSecretOf(spec);
  // A Secret that is not there is said already.
  if (secret !== undefined && next.objects.Secret.has(objectKey(namespace, secret))) {
    const problem = credentialsProblem(spec, await valuesOf(namespace, secret, changes, store));
    if (problem !== undefined)
      found.push(
        violation(
          `spec.${type}`,
          type === 'rfc2136' ? 'TSIG_KEY_INVALID' : 'VALIDATION_FAILED',
          `Secret ${namespace}/${secret} has no credentials for ${type}: ${problem}`,
          `Give it ${KEYS[type].map((key) => `\`${key}\``).join(', ')}.`,
        ),
      );
  }
  const ca = caSecretOf(spec);
  if (ca !== undefined && next.objects.Secret.has(objectKey(namespace, ca.name))) {
    const pem = (await valuesOf(namespace, ca.name, changes, store))[ca.key];
    if (pem === undefined || !pem.includes('-----BEGIN CERTIFICATE-----'))
      found.push(
        violation(
          `spec.${type}.caSecret`,
          'VALIDATION_FAILED',
          `Secret ${namespace}/${ca.name} has no certificate under ${ca.key}`,
          'Give it the PEM text of the roots.',
        ),
      );
  }
  return found;
}

/** Keys of the Secret that each kind of account needs. */
const KEYS: Readonly<Record<ReturnType<typeof providerTypeOf>, readonly string[]>> = {
  route53: ['accessKeyId', 'secretAccessKey'],
  google: ['credentials.json'],
  azure: ['clientSecret'],
  powerdns: ['apiKey'],
  rfc2136: ['name', 'algorithm', 'secret'],
};

function credentialsProblem(spec: DnsProviderSpec, values: SecretValues): string | undefined {
  const type = providerTypeOf(spec);
  if (type === 'rfc2136') {
    const parsed = parseTsigSecret(values);
    return 'problem' in parsed ? parsed.problem : undefined;
  }
  const missing = KEYS[type].filter((key) => (values[key] ?? '').trim() === '');
  if (missing.length > 0) return `it has no ${missing.join(', ')}`;
  if (type !== 'google') return undefined;
  try {
    JSON.parse(values['credentials.json'] ?? '');
    return undefined;
  } catch {
    return 'its `credentials.json` is not JSON';
  }
}

async function valuesOf(
  namespace: string,
  name: string,
  changes: readonly ProposedChange[],
  store: Pick<Store, 'secretData'>,
): Promise<SecretValues> {
  const stored = (await store.secretData({ kind: 'Secret', namespace, name })) ?? {};
  const proposed = changes.flatMap((c) =>
    c.type !== 'delete' && c.next.kind === 'Secret' && c.next.namespace === namespace && c.next.name === name
      ? [c.next.spec.stringData]
      : [],
  )[0];
  return mergeValues(stored, proposed);
}

/** What a person should know who takes a zone away from this hub: its records stay, and nobody looks after them any more. */
export function abandonedZones(change: ProposedChange): readonly string[] {
  if (change.type === 'create' || change.current.kind !== 'DNSProvider') return [];
  const { metadata, spec, status } = change.current;
  const kept =
    change.type === 'update' && change.next.kind === 'DNSProvider'
      ? new Set<string>(change.next.spec.zones.map(({ origin }) => origin))
      : new Set<string>();
  return spec.zones.flatMap(({ origin }) => {
    const names = status?.zones.find((zone) => zone.origin === origin)?.names ?? 0;
    if (kept.has(origin) || names === 0) return [];
    return [
      `${names === 1 ? '1 name' : `${names} names`} in ${origin} at ${metadata.namespace}/${metadata.name} stay as they are, and nothing follows health any more: to remove them, delete or change their policies first`,
    ];
  });
}
