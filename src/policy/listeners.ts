import type { Resource } from '../resources/catalogue.ts';
import { CERTIFICATE_OPTION, type ListenerSpec, type SecretObjectReference } from '../resources/gateway.ts';
import { GATEWAY_API_GROUP, PORTOLAN_GROUP } from '../resources/route-fields.ts';
import { type Finding, finding } from './compile-report.ts';
import type { Grants } from './grants.ts';
import type { CompiledListenerTls } from './model.ts';
import { nameOf } from './policy-index.ts';
import { compareAges } from './precedence.ts';
import { kept } from './same-value.ts';
import { placeOfSecret, type SecretUse, type SecretWorld } from './secret-place.ts';
import type { SecretRefBook } from './secret-refs.ts';

/** A listener of a Gateway on this cluster, looked at beside all others. */
export interface JudgedListener {
  /** `namespace/gateway/listener` */
  readonly id: string;
  readonly gateway: Resource<'Gateway'>;
  readonly spec: ListenerSpec;
  readonly kinds: readonly ('HTTPRoute' | 'GRPCRoute')[];
  readonly tls: CompiledListenerTls | undefined;
  readonly findings: readonly Finding[];
  /** Routes may attach, and agents open it. */
  readonly served: boolean;
}

const SUPPORTED = ['HTTPRoute', 'GRPCRoute'] as const;

export interface ListenerWorld extends SecretWorld {
  readonly certificatePolicies: ReadonlyMap<string, Resource<'CertificatePolicy'>>;
  readonly grants: Grants;
}

/**
 * Judges every listener of a cluster's Gateways. Within a Gateway, listeners that cannot be told apart are all refused (the
 * specification forbids to pick one); between Gateways the older one keeps its place. One port speaks one protocol.
 * @param before those that are judged as they were are the same objects
 */
export function judgeListeners(
  gateways: readonly Resource<'Gateway'>[],
  world: ListenerWorld,
  secrets: SecretRefBook,
  before: readonly JudgedListener[] = [],
): readonly JudgedListener[] {
  const judged: JudgedListener[] = [];
  const earlier = new Map(before.map((listener) => [listener.spec, listener]));
  const protocols = new Map<number, { readonly protocol: string; readonly by: string }>();
  const taken = new Map<string, string>();
  const byAge = gateways.toSorted((a, b) => compareAges(ageOf(a), ageOf(b)));
  for (const gateway of byAge) {
    const accepted: ListenerSpec[] = [];
    for (const spec of gateway.spec.listeners) {
      const conflict = conflictWithin(gateway, spec) ?? conflictBetween(gateway, spec, protocols, taken);
      const one = judge(gateway, spec, conflict, world, secrets);
      if (one.served) accepted.push(spec);
      const last = earlier.get(spec);
      judged.push(last?.gateway === gateway ? kept(last, one) : one);
    }
    for (const spec of accepted) {
      protocols.set(spec.port, { protocol: spec.protocol, by: nameOf(gateway) });
      taken.set(placeOf(spec), nameOf(gateway));
    }
  }
  return judged;
}

function placeOf({ port, hostname }: ListenerSpec): string {
  return `${port} ${hostname ?? '*'}`;
}

function conflictWithin(gateway: Resource<'Gateway'>, spec: ListenerSpec): Finding | undefined {
  const others = gateway.spec.listeners.filter((other) => other !== spec && other.port === spec.port);
  const protocol = others.find((other) => other.protocol !== spec.protocol && known(other) && known(spec));
  if (protocol !== undefined) {
    return finding(
      'Conflicted',
      true,
      'ProtocolConflict',
      `Listener ${protocol.name} has ${protocol.protocol} on port ${spec.port}.`,
    );
  }
  const hostname = others.find(
    (other) => other.hostname === spec.hostname && other.protocol === spec.protocol,
  );
  if (hostname === undefined) return undefined;
  return finding(
    'Conflicted',
    true,
    'HostnameConflict',
    `Listener ${hostname.name} has the same port and hostname.`,
  );
}

function known({ protocol }: ListenerSpec): boolean {
  return protocol === 'HTTP' || protocol === 'HTTPS';
}

function conflictBetween(
  gateway: Resource<'Gateway'>,
  spec: ListenerSpec,
  protocols: ReadonlyMap<number, { readonly protocol: string; readonly by: string }>,
  taken: ReadonlyMap<string, string>,
): Finding | undefined {
  const older = protocols.get(spec.port);
  if (older !== undefined && older.by !== nameOf(gateway) && older.protocol !== spec.protocol) {
    return finding(
      'Conflicted',
      true,
      'ProtocolConflict',
      `Gateway ${older.by} is older and has ${older.protocol} on port ${spec.port}.`,
    );
  }
  const by = taken.get(placeOf(spec));
  if (by === undefined || by === nameOf(gateway)) return undefined;
  return finding(
    'Conflicted',
    true,
    'HostnameConflict',
    `Gateway ${by} is older and has this port and hostname.`,
  );
}

function judge(
  gateway: Resource<'Gateway'>,
  spec: ListenerSpec,
  conflict: Finding | undefined,
  world: ListenerWorld,
  secrets: SecretRefBook,
): JudgedListener {
  const asked = spec.allowedRoutes.kinds;
  const kinds = SUPPORTED.filter(
    (kind) => asked.length === 0 || asked.some((k) => k.group === GATEWAY_API_GROUP && k.kind === kind),
  );
  const badKind = asked.find(
    (k) => k.group !== GATEWAY_API_GROUP || !SUPPORTED.some((supported) => supported === k.kind),
  );
  const supported = known(spec);
  const references = tlsOf(gateway, spec, world, secrets);
  const resolved =
    references.problem ??
    (badKind === undefined
      ? finding('ResolvedRefs', true, 'ResolvedRefs', 'Every reference was found.')
      : finding(
          'ResolvedRefs',
          false,
          'InvalidRouteKinds',
          `Routes of kind ${badKind.kind} are not served.`,
        ));
  const usable =
    supported && conflict === undefined && (spec.protocol !== 'HTTPS' || references.tls !== undefined);
  return {
    id: `${nameOf(gateway)}/${spec.name}`,
    gateway,
    spec,
    kinds: supported ? kinds : [],
    tls: references.tls,
    findings: [
      supported
        ? finding(
            'Accepted',
            conflict === undefined,
            conflict === undefined ? 'Accepted' : conflict.reason,
            conflict?.message ?? 'The listener is valid.',
          )
        : finding('Accepted', false, 'UnsupportedProtocol', `The listener's ${onlyHttp(spec.protocol)}.`),
      conflict ?? finding('Conflicted', false, 'NoConflicts', 'No other listener stands in its way.'),
      resolved,
    ],
    served: usable,
  };
}

/** The certificates that can be used, and what is wrong with the first that cannot. Without any the listener is not opened. */
function tlsOf(
  gateway: Resource<'Gateway'>,
  spec: ListenerSpec,
  world: ListenerWorld,
  secrets: SecretRefBook,
): { readonly tls?: CompiledListenerTls; readonly problem?: Finding } {
  if (spec.protocol !== 'HTTPS' || spec.tls === undefined) return {};
  const certificates: string[] = [];
  let problem: Finding | undefined;
  for (const ref of spec.tls.certificateRefs) {
    const bad = badCertificate(gateway, ref, world);
    const namespace = ref.namespace ?? gateway.metadata.namespace;
    if (bad === undefined || bad.reason === 'Unfit')
      certificates.push(
        isPolicy(ref)
          ? secrets.certificatePolicy(namespace, ref.name)
          : certificateKey(namespace, ref.name, world, secrets),
      );
    if (bad !== undefined)
      problem ??= finding(
        'ResolvedRefs',
        false,
        bad.reason === 'RefNotPermitted' ? bad.reason : 'InvalidCertificateRef',
        bad.message,
      );
  }
  if (spec.tls.options[CERTIFICATE_OPTION] === 'internal') certificates.push(secrets.internal(spec.hostname));
  const clientCa = clientCaOf(gateway, spec, world, secrets);
  if (clientCa !== undefined && 'problem' in clientCa) return { problem: clientCa.problem };
  if (certificates.length === 0) return problem === undefined ? {} : { problem };
  const tls: CompiledListenerTls = {
    certificates,
    ...(clientCa === undefined ? {} : { clientCa: clientCa.ca }),
  };
  return problem === undefined ? { tls } : { tls, problem };
}

function clientCaOf(
  gateway: Resource<'Gateway'>,
  spec: ListenerSpec,
  world: ListenerWorld,
  secrets: SecretRefBook,
): { readonly ca: NonNullable<CompiledListenerTls['clientCa']> } | { readonly problem: Finding } | undefined {
  const frontend = gateway.spec.tls?.frontend;
  const own = frontend?.perPort.find(({ port }) => port === spec.port)?.tls ?? frontend?.default;
  const validation = own?.validation;
  if (validation === undefined) return undefined;
  const bundles: string[] = [];
  for (const ref of validation.caCertificateRefs) {
    const bad = badSecret(gateway, ref, world, 'authority');
    // Without one of its authorities the listener would refuse whom it should let in, or let in whom it should refuse.
    if (bad !== undefined)
      return {
        problem: finding(
          'ResolvedRefs',
          false,
          bad.reason === 'InvalidKind'
            ? 'InvalidCACertificateKind'
            : bad.reason === 'RefNotPermitted'
              ? bad.reason
              : 'InvalidCACertificateRef',
          bad.message,
        ),
      };
    bundles.push(authorityKey(ref.namespace ?? gateway.metadata.namespace, ref.name, world, secrets));
  }
  return { ca: { bundles, mode: validation.mode === 'AllowValidOnly' ? 'require' : 'request' } };
}

/** Key of `GatewaySecrets.certificates`. */
export function certificateKey(
  namespace: string,
  name: string,
  world: SecretWorld,
  secrets: SecretRefBook,
): string {
  const place = placeOfSecret(world, `${namespace}/${name}`, 'certificate');
  return 'at' in place && place.at === 'cluster'
    ? secrets.clusterCertificate(namespace, name)
    : secrets.certificate(namespace, name);
}

/** Key of `GatewaySecrets.bundles`. */
export function authorityKey(
  namespace: string,
  name: string,
  world: SecretWorld,
  secrets: SecretRefBook,
): string {
  const place = placeOfSecret(world, `${namespace}/${name}`, 'authority');
  const ref = { name, key: 'ca.crt' };
  return 'at' in place && place.at === 'cluster'
    ? secrets.clusterBundle(namespace, ref)
    : secrets.bundle(namespace, ref);
}

/** A reference to the certificates of a CertificatePolicy. */
export function isPolicy({ group, kind }: Pick<SecretObjectReference, 'group' | 'kind'>): boolean {
  return group === PORTOLAN_GROUP && kind === 'CertificatePolicy';
}

/** Why a listener may not use a Secret or a CertificatePolicy; undefined: it may. */
function badCertificate(
  gateway: Resource<'Gateway'>,
  ref: SecretObjectReference,
  world: ListenerWorld,
): ReturnType<typeof badSecret> {
  if (!isPolicy(ref)) return badSecret(gateway, ref, world, 'certificate');
  const namespace = ref.namespace ?? gateway.metadata.namespace;
  const name = `${namespace}/${ref.name}`;
  const from = { group: GATEWAY_API_GROUP, kind: 'Gateway', namespace: gateway.metadata.namespace };
  const to = { group: PORTOLAN_GROUP, kind: 'CertificatePolicy', namespace, name: ref.name };
  if (!world.grants.allows(from, to))
    return {
      reason: 'RefNotPermitted',
      message: `No ReferenceGrant in ${namespace} lets Gateways of ${gateway.metadata.namespace} refer to CertificatePolicy ${ref.name}.`,
    };
  return world.certificatePolicies.has(name)
    ? undefined
    : { reason: 'NotFound', message: `There is no CertificatePolicy ${name}.` };
}

/** Why a Gateway may not use a Secret; undefined: it may. Of one that is `Unfit` the agent may have a pair of before, which is served. */
export function badSecret(
  gateway: Resource<'Gateway'>,
  ref: SecretObjectReference,
  world: ListenerWorld,
  use: SecretUse,
):
  | {
      readonly reason: 'InvalidKind' | 'RefNotPermitted' | 'NotFound' | 'Unfit';
      readonly message: string;
    }
  | undefined {
  const namespace = ref.namespace ?? gateway.metadata.namespace;
  const name = `${namespace}/${ref.name}`;
  if (ref.group !== '' || ref.kind !== 'Secret') {
    return { reason: 'InvalidKind', message: notASecret(ref) };
  }
  const from = { group: GATEWAY_API_GROUP, kind: 'Gateway', namespace: gateway.metadata.namespace };
  if (!world.grants.allows(from, { group: '', kind: 'Secret', namespace, name: ref.name })) {
    return {
      reason: 'RefNotPermitted',
      message: `No ReferenceGrant in ${namespace} lets Gateways of ${gateway.metadata.namespace} refer to Secret ${ref.name}.`,
    };
  }
  const place = placeOfSecret(world, name, use);
  if (!('problem' in place)) return undefined;
  return { reason: 'at' in place ? 'Unfit' : 'NotFound', message: place.problem };
}

/** A reference of which only a Secret can be meant. */
export function notASecret({
  group,
  kind,
  name,
}: Pick<SecretObjectReference, 'group' | 'kind' | 'name'>): string {
  const written = `kind ${kind} of ${group === '' ? 'the core group' : `group "${group}"`}`;
  return `The reference to ${name} is of ${written}, and only a Secret (kind Secret, group "") can be used.`;
}

function ageOf({ metadata }: Resource): { readonly created: string; readonly route: string } {
  return { created: metadata.creationTimestamp, route: `${metadata.namespace}/${metadata.name}` };
}

/** What is wrong with the protocol of a listener; names of protocols are written in capitals. */
export function onlyHttp(protocol: string): string {
  const why = protocol === 'TLS' ? ' (TLS is ended here; to pass it on unread there is no TLSRoute)' : '';
  return `protocol "${protocol}" is neither HTTP nor HTTPS${why}`;
}
