import { API_VERSION } from '../../resources/metadata.ts';
import { durationMs } from '../../resources/route-fields.ts';
import { compact, type Document } from './documents.ts';
import type { SourceGateway } from './gateways.ts';
import type { Field } from './ledger.ts';
import { type SourceSecrets, textMap } from './secrets.ts';

/** What one DNSPolicy of one cluster says of the hostnames of its Gateway. */
export interface Contribution {
  readonly namespace: string;
  readonly policy: string;
  readonly cluster: string;
  readonly hostnames: readonly string[];
  readonly weight: number;
  /** As `match` of a geo rule, with a name for it; absent: without place. */
  readonly geo?: { readonly name: string; readonly match: Readonly<Record<string, readonly string[]>> };
  readonly isDefault: boolean;
  readonly addresses: readonly string[];
  readonly healthCheck?: { readonly made: Readonly<Record<string, unknown>>; readonly field: Field };
}

/** Kuadrant's default. */
const DEFAULT_WEIGHT = 120;
const TTL_SECONDS = 60;

/** `kuadrant.io/v1` DNSPolicy. Undefined, and told. */
export function contributionOf(
  spec: Field,
  at: { readonly namespace: string; readonly name: string; readonly cluster: string | undefined },
  gateway: SourceGateway | undefined,
  secrets: SourceSecrets,
): Contribution | undefined {
  const { namespace, name, cluster } = at;
  if (cluster === undefined) {
    spec.tell('unsupported', 'say which cluster these documents are of: -f NAME=PATH');
    return undefined;
  }
  const target = spec.get('targetRef');
  const listener = target?.text('sectionName');
  const hostnames = [
    ...new Set(
      (gateway?.listeners ?? [])
        .filter((one) => listener === undefined || one.name === listener)
        .flatMap(({ hostname }) => hostname ?? []),
    ),
  ].sort();
  if (gateway === undefined || hostnames.length === 0) {
    spec.tell('unsupported', 'its Gateway is not among the documents, or no listener of it has a hostname');
    return undefined;
  }
  target?.tell('exact');
  spec
    .get('providerRefs')
    ?.tell(
      'approximate',
      'a hostname is published by every DNSProvider of the namespace whose zone holds it',
    );
  const delegate = spec.get('delegate');
  delegate?.tell('exact', 'one hub publishes for all clusters: nothing is delegated between them');
  const balancing = spec.get('loadBalancing');
  const weight = balancing?.get('weight')?.value;
  balancing?.exact('weight', 'defaultGeo');
  const check = spec.get('healthCheck');
  const healthCheck =
    check === undefined ? undefined : { made: checkOf(check, namespace, secrets), field: check };
  const geo = geoOf(balancing?.get('geo'));
  return {
    namespace,
    policy: name,
    cluster,
    hostnames,
    weight: typeof weight === 'number' ? weight : DEFAULT_WEIGHT,
    ...(geo === undefined ? {} : { geo }),
    isDefault: balancing?.get('defaultGeo')?.value === true,
    addresses: addressesOf(spec.get('excludeAddresses'), gateway),
    ...(healthCheck === undefined ? {} : { healthCheck }),
  };
}

const CONTINENTS = ['AF', 'AN', 'AS', 'EU', 'NA', 'OC', 'SA'];

/** `GEO-EU` is a continent, `EU` cannot be a country, `DE` is one; names of a provider's own regions have nothing here. */
function geoOf(geo: Field | undefined): Contribution['geo'] {
  const text = typeof geo?.value === 'string' ? geo.value : undefined;
  if (geo === undefined || text === undefined) return undefined;
  const continent = /^GEO-([A-Z]{2})$/.exec(text)?.[1] ?? (text === 'EU' ? text : undefined);
  if (continent !== undefined && CONTINENTS.includes(continent)) {
    geo.tell('exact');
    return { name: continent.toLowerCase(), match: { continents: [continent] } };
  }
  if (/^[A-Z]{2}$/.test(text)) {
    geo.tell('exact');
    return { name: text.toLowerCase(), match: { countries: [text] } };
  }
  geo.tell(
    'unsupported',
    `${text} is no continent (GEO-EU) and no country (DE): write the rule under \`routing.geo\``,
  );
  return undefined;
}

function addressesOf(excluded: Field | undefined, gateway: SourceGateway): readonly string[] {
  const out = Array.isArray(excluded?.value) ? excluded.value : [];
  excluded?.tell(
    'approximate',
    'taken out of the addresses of today that are written down; networks and names are not looked at',
  );
  return gateway.addresses
    .filter(({ type, value }) => type === 'IPAddress' && !out.includes(value))
    .map(({ value }) => value);
}

function checkOf(check: Field, namespace: string, secrets: SourceSecrets): Readonly<Record<string, unknown>> {
  check.exact('path', 'port', 'protocol');
  const protocol = check.text('protocol') === 'HTTP' ? 'http' : 'https';
  const port = check.get('port')?.value;
  const threshold = check.get('failureThreshold');
  const fall = typeof threshold?.value === 'number' ? Math.min(10, Math.max(1, threshold.value)) : undefined;
  threshold?.tell(
    fall === threshold.value ? 'exact' : 'approximate',
    fall === threshold.value ? undefined : 'at most 10',
  );
  const interval = check.get('interval');
  const seconds = Math.min(300, Math.max(0.2, durationMs(check.text('interval') ?? '') / 1000));
  interval?.tell(
    'approximate',
    `every vantage point probes every ${seconds} s; lower it to fail over faster: every second is the default`,
  );
  check
    .get('allowInsecureCertificate')
    ?.tell(
      check.get('allowInsecureCertificate')?.value === true ? 'unsupported' : 'exact',
      check.get('allowInsecureCertificate')?.value === true
        ? 'certificates are always verified: name the root in `caSecret`'
        : undefined,
    );
  const ref = check.get('additionalHeadersRef');
  const secret = ref?.text('name');
  const headers = secret === undefined ? undefined : secrets.find(namespace, secret)?.values;
  ref?.tell(
    headers === undefined ? 'unsupported' : 'approximate',
    headers === undefined
      ? `Secret ${secret ?? ''} is not among the documents`
      : 'written into the policy in the open',
  );
  return compact({
    protocol,
    port: typeof port === 'number' ? port : undefined,
    path: check.text('path'),
    fall,
    intervalSeconds: interval === undefined ? undefined : seconds,
    headers: textMap(headers),
  });
}

/** TrafficPolicies: hostnames to which the same clusters contribute in the same way are one. */
export function trafficPolicies(
  contributions: readonly Contribution[],
  namespace: string,
): readonly Document[] {
  const byHost = new Map<string, Contribution[]>();
  for (const contribution of contributions) {
    for (const hostname of contribution.hostnames) {
      const known = byHost.get(hostname);
      // Of two Gateways of one cluster with one hostname the first counts.
      if (known === undefined) byHost.set(hostname, [contribution]);
      else if (known.every(({ cluster }) => cluster !== contribution.cluster)) known.push(contribution);
    }
  }
  const groups = new Map<
    string,
    { readonly members: readonly Contribution[]; readonly hostnames: string[] }
  >();
  for (const [hostname, members] of byHost) {
    const id = members.map(({ cluster, policy, namespace }) => `${cluster}/${namespace}/${policy}`).join(' ');
    const group = groups.get(id);
    if (group === undefined) groups.set(id, { members, hostnames: [hostname] });
    else group.hostnames.push(hostname);
  }
  const names = new Set<string>();
  return [...groups.values()].map(({ members, hostnames }) => policyOf(members, hostnames, namespace, names));
}

function policyOf(
  members: readonly Contribution[],
  hostnames: readonly string[],
  namespace: string,
  taken: Set<string>,
): Document {
  const [first] = members;
  let name = first?.policy ?? 'policy';
  for (let n = 2; taken.has(name); n += 1) name = `${first?.policy ?? 'policy'}-${n}`;
  taken.add(name);
  const asMembers = (some: readonly Contribution[]) =>
    some.map(({ cluster, weight }) => ({ endpoint: cluster, weight }));
  const places = Map.groupBy(
    members.filter(({ geo }) => geo !== undefined),
    ({ geo }) => geo?.name ?? '',
  );
  const fallback = members.filter(({ isDefault, geo }) => isDefault || geo === undefined);
  const [check, ...others] = members.flatMap(({ healthCheck }) => healthCheck ?? []);
  for (const { made, field } of others)
    if (JSON.stringify(made) !== JSON.stringify(check?.made))
      field.leaveOut('it differs between clusters: the check of the first one was taken');
  return {
    apiVersion: API_VERSION,
    kind: 'TrafficPolicy',
    metadata: { namespace, name },
    spec: {
      hostnames,
      ttlSeconds: TTL_SECONDS,
      endpoints: members.map(({ cluster, addresses }) => compact({ name: cluster, cluster, addresses })),
      ...(check === undefined ? {} : { healthCheck: { inline: check.made } }),
      routing: compact({
        geo: [...places].map(([place, some]) => ({
          name: place,
          match: some[0]?.geo?.match ?? {},
          tiers: [{ members: asMembers(some) }],
        })),
        default: { tiers: [{ members: asMembers(fallback.length === 0 ? members : fallback) }] },
      }),
    },
  };
}
