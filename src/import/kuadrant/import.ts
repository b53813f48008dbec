import { PortolanError } from '../../errors/error.ts';
import type { Kind } from '../../resources/catalogue.ts';
import { API_VERSION } from '../../resources/metadata.ts';
import { parseResource } from '../../resources/validate.ts';
import { apiKeyOf, type ImportedKey, KEY_LABEL } from './api-keys.ts';
import { authSpec } from './auth-policy.ts';
import { type Contribution, contributionOf, trafficPolicies } from './dns-policy.ts';
import type { Document } from './documents.ts';
import { gatewayDocuments, readGateway, type SourceGateway } from './gateways.ts';
import { limitAttributes } from './identity.ts';
import { issuerSpecOf } from './issuers.ts';
import { Field, isMap, Ledger, type LedgerLine } from './ledger.ts';
import { providerDocuments } from './providers.ts';
import { rateLimitSpec } from './rate-limit-policy.ts';
import { readSecret, SourceSecrets } from './secrets.ts';
import { certificateSpec } from './tls-policy.ts';

/** A document as it was read from a file or an API server. */
export interface SourceDocument {
  readonly value: unknown;
  /** Name of the cluster it is of, in the hub; absent: not said. */
  readonly cluster?: string;
}

export interface KuadrantImport {
  /** Resources of ours, checked by their schemas. */
  readonly documents: readonly Document[];
  /** API keys, with their values. */
  readonly keys: readonly ImportedKey[];
  readonly ledger: readonly LedgerLine[];
  /** Names of the Clusters that the documents refer to. */
  readonly clusters: readonly string[];
}

interface Source {
  readonly kind: string;
  readonly group: string;
  readonly namespace: string;
  readonly name: string;
  readonly cluster: string | undefined;
  readonly value: Readonly<Record<string, unknown>>;
}

const POLICIES = ['AuthPolicy', 'RateLimitPolicy', 'TokenRateLimitPolicy', 'DNSPolicy', 'TLSPolicy'];

/**
 * Policies of Kuadrant (https://docs.kuadrant.io), with the Gateways they are for, Issuers of cert-manager and Secrets, as resources of ours. Every field of every policy
 * stands in the ledger. What cannot be said never lets more through than before: a condition of access that has no twin denies.
 */
export function importKuadrant(
  documents: readonly SourceDocument[],
  options: {
    /** Origins that DNS providers are for. */
    readonly zones: readonly string[];
    /** Namespace of the Clusters in the hub: what is about clusters, and what that refers to, is there. */
    readonly clusterNamespace: string;
  },
): KuadrantImport {
  const ledger = new Ledger();
  const sources = documents.flatMap(({ value, cluster }) => sourceOf(value, cluster));
  const secrets = new SourceSecrets(
    sources
      .filter(({ kind, group }) => kind === 'Secret' && group === '')
      .map(({ value, namespace }) => readSecret(value, namespace)),
  );
  const gateways = sources
    .filter(({ kind, group }) => kind === 'Gateway' && group === 'gateway.networking.k8s.io')
    .map(({ value, namespace, name, cluster }) => readGateway(value, namespace, name, cluster));
  const limits = limitAttributes(handedOn(sources));
  const made: Document[] = [];
  const contributions: Contribution[] = [];
  const certificates = new Map<string, string>();
  const names = new FreeNames();
  // Policies may stand before the Issuers that they name.
  for (const { kind, namespace, name, group } of sources)
    if (isIssuer(kind, group)) names.of('Issuer', issuerKey(kind, namespace, name), name);
  const done = new Set<string>();
  for (const source of sources) {
    const { kind, namespace, name, cluster } = source;
    const object = `${kind} ${namespace}/${name}`;
    const spec = new Field(ledger, object, 'spec', source.value.spec);
    const add = (
      as: string,
      fields: Readonly<Record<string, unknown>> | undefined,
      metadata = { namespace, name },
    ): void => {
      if (fields !== undefined) made.push({ apiVersion: API_VERSION, kind: as, metadata, spec: fields });
    };
    const atClusters = (free: string) => ({ namespace: options.clusterNamespace, name: free });
    const perCluster = `${cluster ?? ''} ${object}`;
    if (isPolicy(source)) {
      // The same policy in every cluster is one here; what its clusters add to DNS is not.
      if (kind !== 'DNSPolicy' && done.has(object)) {
        tellRepeated(source, sources, spec);
        continue;
      }
      if (done.has(perCluster)) {
        spec.tell('unsupported', 'it stands twice among the documents of its cluster: the first was taken');
        continue;
      }
      done.add(object).add(perCluster);
      if (kind === 'AuthPolicy') add(kind, authSpec(spec, namespace, secrets));
      else if (kind === 'RateLimitPolicy') add(kind, rateLimitSpec(spec, 'requests', limits));
      else if (kind === 'TokenRateLimitPolicy') add('RateLimitPolicy', rateLimitSpec(spec, 'tokens', limits));
      else {
        const at = gateways.filter((gateway) => isTarget(gateway, spec, source));
        if (kind === 'TLSPolicy') {
          const fields = certificateSpec(spec, at, (issuer, called) =>
            names.of('Issuer', issuerKey(issuer, namespace, called), called),
          );
          const free = names.of('CertificatePolicy', object, name);
          add('CertificatePolicy', fields, atClusters(free));
          if (fields !== undefined)
            for (const gateway of at)
              certificates.set(listenerKey(gateway, spec.get('targetRef')?.text('sectionName')), free);
        } else {
          const mine = at.find((gateway) => gateway.cluster === cluster);
          const contribution = contributionOf(spec, { namespace, name, cluster }, mine, secrets);
          if (contribution !== undefined) contributions.push(contribution);
        }
      }
      spec.tellRest();
    } else if (isIssuer(kind, source.group)) {
      if (done.has(object)) {
        tellRepeated(source, sources, spec);
        continue;
      }
      done.add(object);
      add(
        'Issuer',
        issuerSpecOf(spec),
        atClusters(names.of('Issuer', issuerKey(kind, namespace, name), name)),
      );
      spec.tellRest();
    } else if (source.group.endsWith('kuadrant.io')) {
      spec.tell('unsupported', `there is no ${kind} here`);
    }
  }
  made.push(
    ...gatewaysOf(gateways, certificates, options.clusterNamespace, ledger),
    ...trafficPolicies(contributions, options.clusterNamespace),
  );
  const keys = secrets.all.flatMap((secret) =>
    secret.labels[KEY_LABEL] === undefined ? [] : (apiKeyOf(secret, ledger) ?? []),
  );
  for (const secret of secrets.all) {
    const object = `${secret.type} ${secret.namespace}/${secret.name}`;
    if (!secret.type.startsWith('kuadrant.io/') || done.has(object)) continue;
    done.add(object);
    const at = { namespace: options.clusterNamespace, name: names.of('Secret', object, secret.name) };
    made.push(...providerDocuments(secret, options.zones, at, ledger));
  }
  return {
    documents: unique(made).flatMap((document) => checked(document, ledger)),
    keys,
    ledger: ledger.lines,
    clusters: [...new Set(contributions.map(({ cluster }) => cluster))].sort(),
  };
}

/** Properties that AuthPolicies hand on to limits. */
function handedOn(sources: readonly Source[]): ReadonlySet<string> {
  const names = new Set<string>();
  const scratch = new Ledger();
  for (const source of sources) {
    if (source.kind !== 'AuthPolicy' || !isPolicy(source)) continue;
    const spec = new Field(scratch, '', 'spec', source.value.spec);
    for (const block of [spec, spec.get('defaults'), spec.get('overrides')]) {
      const filters = block?.get('rules')?.get('response')?.get('success')?.get('filters');
      for (const [name] of filters?.get('identity')?.get('json')?.get('properties')?.entries() ?? [])
        names.add(name);
    }
  }
  return names;
}

function isPolicy({ kind, group }: Source): boolean {
  return group === 'kuadrant.io' && POLICIES.includes(kind);
}

function sourceOf(value: unknown, cluster: string | undefined): readonly Source[] {
  if (!isMap(value) || typeof value.kind !== 'string') return [];
  if (value.kind.endsWith('List') && Array.isArray(value.items))
    return value.items.flatMap((item) => sourceOf(item, cluster));
  const metadata = isMap(value.metadata) ? value.metadata : {};
  if (typeof metadata.name !== 'string') return [];
  const apiVersion = typeof value.apiVersion === 'string' ? value.apiVersion : '';
  return [
    {
      kind: value.kind,
      group: apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '',
      namespace: typeof metadata.namespace === 'string' ? metadata.namespace : 'default',
      name: metadata.name,
      cluster,
      value,
    },
  ];
}

function isTarget(gateway: SourceGateway, spec: Field, source: Source): boolean {
  const target = spec.get('targetRef');
  return (
    gateway.namespace === source.namespace &&
    target?.text('kind') === 'Gateway' &&
    target.text('name') === gateway.name
  );
}

/** A copy in another cluster that says something else is not what is imported. */
function tellRepeated(source: Source, all: readonly Source[], spec: Field): void {
  const first = all.find(
    (one) =>
      one.kind === source.kind &&
      one.namespace === source.namespace &&
      one.name === source.name &&
      one.group === source.group,
  );
  if (JSON.stringify(first?.value.spec) === JSON.stringify(source.value.spec)) return;
  spec.tell('unsupported', differs(first?.cluster));
}

function differs(taken: string | undefined): string {
  return `it differs between clusters${taken === undefined ? '' : `: that of ${taken} was taken`}`;
}

function isIssuer(kind: string, group: string): boolean {
  return group === 'cert-manager.io' && (kind === 'Issuer' || kind === 'ClusterIssuer');
}

function issuerKey(kind: string, namespace: string, name: string): string {
  return kind === 'ClusterIssuer' ? name : `${namespace}/${name}`;
}

/** What stands in several namespaces there comes into one here: the later ones of a name get another, and what refers to them says that. */
class FreeNames {
  readonly #given = new Map<string, string>();
  readonly #taken = new Set<string>();

  /** @param source which object of theirs: asked again it has the same name */
  of(kind: string, source: string, name: string): string {
    const known = this.#given.get(`${kind} ${source}`);
    if (known !== undefined) return known;
    let free = name;
    for (let n = 2; this.#taken.has(`${kind} ${free}`); n += 1) free = `${name}-${n}`;
    this.#taken.add(`${kind} ${free}`);
    this.#given.set(`${kind} ${source}`, free);
    return free;
  }
}

function listenerKey({ namespace, name }: SourceGateway, listener: string | undefined): string {
  return `${namespace}/${name}/${listener ?? '*'}`;
}

function gatewaysOf(
  gateways: readonly SourceGateway[],
  certificates: ReadonlyMap<string, string>,
  namespace: string,
  ledger: Ledger,
): readonly Document[] {
  const seen = new Map<string, SourceGateway>();
  return gateways.flatMap((gateway) => {
    const key = `${gateway.namespace}/${gateway.name}`;
    const first = seen.get(key);
    if (first !== undefined) {
      const { spec } = gateway.document;
      if (JSON.stringify(spec) !== JSON.stringify(first.document.spec))
        new Field(ledger, `Gateway ${key}`, 'spec', spec).tell('unsupported', differs(first.cluster));
      return [];
    }
    seen.set(key, gateway);
    const certificate = (listener: string): string | undefined =>
      certificates.get(listenerKey(gateway, listener)) ?? certificates.get(listenerKey(gateway, undefined));
    return gatewayDocuments(gateway, certificate, namespace, ledger);
  });
}

/** Of two of one kind and name the later is another: a policy for tokens beside one for requests. */
function unique(documents: readonly Document[]): readonly Document[] {
  const names = new Set<string>();
  return documents.map((document) => {
    const { namespace, name } = document.metadata;
    let free = name;
    for (let n = 2; names.has(`${document.kind} ${namespace}/${free}`); n += 1) free = `${name}-${n}`;
    names.add(`${document.kind} ${namespace}/${free}`);
    return free === name ? document : { ...document, metadata: { ...document.metadata, name: free } };
  });
}

/** What the hub would refuse is told instead of written. */
function checked(document: Document, ledger: Ledger): readonly Document[] {
  try {
    parseResource(document, document.kind as Kind);
    return [document];
  } catch (thrown) {
    const { violations, message } = PortolanError.from(thrown);
    const { kind, metadata } = document;
    const object = `${kind} ${metadata.namespace}/${metadata.name}`;
    const closed = kind === 'AuthPolicy' ? refusingEverybody(document) : undefined;
    const so = closed === undefined ? '' : '; a policy that refuses everybody stands in its place';
    if (violations.length === 0) ledger.tell(object, '', 'unsupported', `left out: ${message}${so}`);
    for (const { path, message: says } of violations)
      ledger.tell(object, path, 'unsupported', `left out: ${says}${so}`);
    return closed === undefined ? [] : [closed];
  }
}

/** Without its policy a route is open to everybody. Undefined: not even its target can be said. */
function refusingEverybody(document: Document): Document | undefined {
  const { targetRefs, overrides } = document.spec ?? {};
  const rules = { authentication: { nobody: { when: ['false'], anonymous: {} } } };
  const block = overrides === undefined ? { rules } : { overrides: { strategy: 'atomic', rules } };
  const closed = { ...document, spec: { targetRefs, ...block } };
  try {
    parseResource(closed, 'AuthPolicy');
    return closed;
  } catch {
    return undefined;
  }
}
