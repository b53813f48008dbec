import type { ServiceContent } from '../inventory/contract.ts';
import { backendSpec } from '../resources/backend.ts';
import type { Resource } from '../resources/catalogue.ts';
import { type BackendObjectReference, GATEWAY_API_GROUP, PORTOLAN_GROUP } from '../resources/route-fields.ts';
import { type Finding, finding, type PolicyReport } from './compile-report.ts';
import type { Grants } from './grants.ts';
import { authorityKey, notASecret } from './listeners.ts';
import type { CompiledBackend } from './model.ts';
import { compareAges } from './precedence.ts';
import { placeOfSecret, type SecretWorld } from './secret-place.ts';
import type { SecretRefBook } from './secret-refs.ts';
import { type ServicePort, servicePort } from './service-port.ts';

/** Why a reference to a backend does not resolve: `ResolvedRefs=False` with the reason. */
export interface Unresolved {
  readonly reason:
    | 'InvalidKind'
    | 'BackendNotFound'
    | 'RefNotPermitted'
    | 'InvalidCACertificateRef'
    | 'UnsupportedProtocol';
  readonly message: string;
}

export type ResolvedBackend = { readonly id: string } | { readonly unresolved: Unresolved };

export interface BackendAsker {
  readonly kind: 'HTTPRoute' | 'GRPCRoute';
  readonly namespace: string;
  /** `namespace/secret` of the certificate that the Gateway shows to backends with TLS. */
  readonly clientCertificate: string | undefined;
}

export interface BackendWorld extends SecretWorld {
  readonly backends: ReadonlyMap<string, Resource<'Backend'>>;
  readonly tlsPolicies: readonly Resource<'BackendTLSPolicy'>[];
  /** Services of the cluster that its agent told of. */
  readonly services?: ReadonlyMap<string, ServiceContent> | undefined;
  readonly grants: Grants;
  /** Name of the cluster: endpoints of others are left out. */
  readonly cluster: string;
}

/** Resolves references to backends, and holds the compiled ones that somebody referred to. */
export class BackendBook {
  readonly #world: BackendWorld;
  readonly #secrets: SecretRefBook;
  readonly #compiled = new Map<string, CompiledBackend>();
  readonly #known = new Map<string, ResolvedBackend>();
  readonly #policies = new Map<string, Resource<'BackendTLSPolicy'>[]>();
  readonly #inUse = new Set<Resource<'BackendTLSPolicy'>>();

  constructor(world: BackendWorld, secrets: SecretRefBook) {
    this.#world = world;
    this.#secrets = secrets;
    for (const policy of world.tlsPolicies) {
      for (const ref of policy.spec.targetRefs) {
        if (!leadsToBackend(ref)) continue;
        const key = `${policy.metadata.namespace}/${ref.name}:${ref.sectionName ?? '*'}`;
        const known = this.#policies.get(key);
        if (known === undefined) this.#policies.set(key, [policy]);
        else known.push(policy);
      }
    }
    for (const policies of this.#policies.values()) policies.sort((a, b) => compareAges(ageOf(a), ageOf(b)));
  }

  /**
   * A kind `Service` leads to the Backend of its name and namespace; where that has no endpoints, or is not there, to the Service of that name
   * in the cluster, with the settings of the Backend.
   */
  resolve(ref: BackendObjectReference, asker: BackendAsker): ResolvedBackend {
    const namespace = ref.namespace ?? asker.namespace;
    const http2 = asker.kind === 'GRPCRoute';
    const key = `${ref.group}/${ref.kind}/${namespace}/${ref.name}:${ref.port ?? ''} ${asker.kind} ${asker.namespace} ${asker.clientCertificate ?? ''}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const resolved = this.#resolve(ref, namespace, asker, http2);
    this.#known.set(key, resolved);
    return resolved;
  }

  #resolve(
    ref: BackendObjectReference,
    namespace: string,
    asker: BackendAsker,
    http2: boolean,
  ): ResolvedBackend {
    const name = `${namespace}/${ref.name}`;
    if (!leadsToBackend(ref)) {
      const kind = ref.group === '' ? ref.kind : `${ref.group}/${ref.kind}`;
      return no('InvalidKind', `${kind} ${name} is neither a Service nor a Backend of ${PORTOLAN_GROUP}.`);
    }
    const from = { group: GATEWAY_API_GROUP, kind: asker.kind, namespace: asker.namespace };
    if (!this.#world.grants.allows(from, { group: ref.group, kind: ref.kind, namespace, name: ref.name })) {
      return no(
        'RefNotPermitted',
        `No ReferenceGrant in ${namespace} lets ${asker.kind}s of ${asker.namespace} refer to ${ref.kind} ${ref.name}.`,
      );
    }
    const backend = this.#world.backends.get(name);
    const service = ref.kind === 'Service' ? this.#world.services?.get(name) : undefined;
    if (service !== undefined && (backend === undefined || backend.spec.endpoints.length === 0)) {
      const at = servicePort(name, service, ref.port);
      if ('unresolved' in at) return at;
      return this.#service(name, service, at, backend, http2, asker.clientCertificate);
    }
    if (backend === undefined) {
      const also = this.#world.services !== undefined && ref.kind === 'Service' ? 'Service or ' : '';
      return no('BackendNotFound', `There is no ${also}Backend ${name}.`);
    }
    if (ref.kind === 'Service' && ref.port === undefined) {
      return no('BackendNotFound', `The reference to Service ${name} names no port.`);
    }
    return this.#compile(backend, ref.port, http2, asker.clientCertificate);
  }

  #compile(
    backend: Resource<'Backend'>,
    port: number | undefined,
    http2: boolean,
    clientCertificate: string | undefined,
  ): ResolvedBackend {
    const { spec, metadata } = backend;
    const name = `${metadata.namespace}/${metadata.name}`;
    const tls = this.#tls(name, port);
    if (tls !== undefined && 'unresolved' in tls) return tls;
    const shown = tls === undefined ? undefined : clientCertificate;
    const forced = http2 && spec.protocol !== 'h2';
    const id = `${name}${port === undefined ? '' : `:${port}`}${forced ? '+h2' : ''}${shown === undefined ? '' : `+${shown}`}`;
    const { healthCheck, outlierEjection } = spec;
    this.#compiled.set(id, {
      source: { kind: 'Backend', name },
      endpoints: spec.endpoints
        .filter(
          (e) =>
            (e.cluster === undefined || e.cluster === this.#world.cluster) &&
            (e.servicePort === undefined || e.servicePort === port),
        )
        .map((e) => ({ address: e.address, port: e.port, weight: e.weight })),
      protocol: http2 ? 'h2' : spec.protocol,
      ...(tls === undefined
        ? {}
        : { tls: { ...tls.tls, ...(shown === undefined ? {} : { clientCertificate: shown }) } }),
      balance: spec.balance,
      connectTimeoutMs: spec.connectTimeoutMs,
      idleTimeoutMs: spec.idleTimeoutMs,
      limits: spec.limits,
      outlier: outlierEjection,
      ...(healthCheck === undefined ? {} : { healthCheck }),
    });
    return { id };
  }

  #service(
    name: string,
    service: ServiceContent,
    at: ServicePort,
    settings: Resource<'Backend'> | undefined,
    http2: boolean,
    clientCertificate: string | undefined,
  ): ResolvedBackend {
    const tls = this.#tls(name, at.port, at.name);
    if (tls !== undefined && 'unresolved' in tls) return tls;
    if (at.tls && tls === undefined)
      return no(
        'UnsupportedProtocol',
        `Port ${at.port} of Service ${name} is ${at.appProtocol}, and no BackendTLSPolicy says whose certificate to trust.`,
      );
    const shown = tls === undefined ? undefined : clientCertificate;
    const spec = settings?.spec ?? DEFAULTS;
    const protocol = http2 || at.http2 ? 'h2' : spec.protocol;
    const forced = http2 && !at.http2 && spec.protocol !== 'h2';
    const id = `service/${name}:${at.port}${forced ? '+h2' : ''}${shown === undefined ? '' : `+${shown}`}`;
    const { healthCheck } = spec;
    const plain = settings === undefined && tls === undefined ? plainBackends.get(service) : undefined;
    if (plain !== undefined && plain.id === id && plain.compiled.protocol === protocol) {
      this.#compiled.set(id, plain.compiled);
      return plain;
    }
    const compiled: CompiledBackend = {
      source: { kind: 'Service', name },
      endpoints: [],
      service: `${name}:${at.port}`,
      protocol,
      ...(tls === undefined
        ? {}
        : { tls: { ...tls.tls, ...(shown === undefined ? {} : { clientCertificate: shown }) } }),
      balance: spec.balance,
      connectTimeoutMs: spec.connectTimeoutMs,
      idleTimeoutMs: spec.idleTimeoutMs,
      limits: spec.limits,
      outlier: spec.outlierEjection,
      ...(healthCheck === undefined ? {} : { healthCheck }),
    };
    this.#compiled.set(id, compiled);
    if (settings === undefined && tls === undefined) plainBackends.set(service, { id, compiled });
    return { id };
  }

  /** The oldest BackendTLSPolicy of the port (of a Service: of the port's name), else of the whole Service. */
  #tls(
    name: string,
    port: number | undefined,
    portName?: string,
  ): { readonly tls: NonNullable<CompiledBackend['tls']> } | { readonly unresolved: Unresolved } | undefined {
    const [policy] =
      (portName === undefined ? undefined : this.#policies.get(`${name}:${portName}`)) ??
      this.#policies.get(`${name}:${port ?? '-'}`) ??
      this.#policies.get(`${name}:*`) ??
      [];
    if (policy === undefined) return undefined;
    this.#inUse.add(policy);
    const { validation } = policy.spec;
    const problem = this.#badAuthority(policy);
    // Sending in plain text what was meant to be encrypted is worse than not sending it.
    if (problem !== undefined) return no('InvalidCACertificateRef', problem);
    return {
      tls: {
        serverName: validation.hostname,
        subjectAltNames: validation.subjectAltNames.map((san) =>
          san.type === 'Hostname'
            ? { type: 'hostname', value: san.hostname }
            : { type: 'uri', value: san.uri },
        ),
        bundles: validation.caCertificateRefs.map(({ name: secret }) =>
          authorityKey(policy.metadata.namespace, secret, this.#world, this.#secrets),
        ),
      },
    };
  }

  #badAuthority({ metadata, spec }: Resource<'BackendTLSPolicy'>): string | undefined {
    for (const ref of spec.validation.caCertificateRefs) {
      if (ref.group !== '' || ref.kind !== 'Secret') return notASecret(ref);
      const place = placeOfSecret(this.#world, `${metadata.namespace}/${ref.name}`, 'authority');
      if ('problem' in place) return place.problem;
    }
    return undefined;
  }

  compiled(): Readonly<Record<string, CompiledBackend>> {
    return Object.fromEntries([...this.#compiled].sort((a, b) => (a[0] < b[0] ? -1 : 1)));
  }

  /** @param gateways `namespace/name` of those that are compiled */
  policyReports(gateways: readonly string[]): readonly PolicyReport[] {
    return this.#world.tlsPolicies
      .map((policy) => ({
        kind: 'BackendTLSPolicy' as const,
        namespace: policy.metadata.namespace,
        name: policy.metadata.name,
        findings: this.#findings(policy),
        ancestors: this.#inUse.has(policy) ? gateways : [],
      }))
      .sort((a, b) => (`${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1));
  }

  #findings(policy: Resource<'BackendTLSPolicy'>): readonly Finding[] {
    const older = [...this.#policies.values()].find((all) => all.includes(policy) && all[0] !== policy)?.[0];
    const wrongKind = policy.spec.targetRefs.find((ref) => !leadsToBackend(ref));
    const bad = this.#badAuthority(policy);
    const refs =
      bad === undefined
        ? finding('ResolvedRefs', true, 'ResolvedRefs', 'Every certificate was found.')
        : finding('ResolvedRefs', false, 'InvalidCACertificateRef', bad);
    if (older !== undefined) {
      const winner = `${older.metadata.namespace}/${older.metadata.name}`;
      return [finding('Accepted', false, 'Conflicted', `${winner} is older and targets the same.`), refs];
    }
    if (wrongKind !== undefined) {
      const { kind, name } = wrongKind;
      return [
        finding('Accepted', false, 'Invalid', `${kind} ${name} is neither a Service nor a Backend.`),
        refs,
      ];
    }
    if (bad !== undefined) return [finding('Accepted', false, 'NoValidCACertificate', bad), refs];
    return [finding('Accepted', true, 'Accepted', 'The policy is in use.'), refs];
  }
}

/** What a Service became last that no Backend and no BackendTLSPolicy says anything of: nothing but its name and port is in it. */
const plainBackends = new WeakMap<
  ServiceContent,
  { readonly id: string; readonly compiled: CompiledBackend }
>();

/** Of a Service that no Backend says anything of. */
const DEFAULTS = backendSpec.parse({});

function leadsToBackend(ref: { readonly group: string; readonly kind: string }): boolean {
  return ref.group === '' ? ref.kind === 'Service' : ref.group === PORTOLAN_GROUP && ref.kind === 'Backend';
}

function no(reason: Unresolved['reason'], message: string): { readonly unresolved: Unresolved } {
  return { unresolved: { reason, message } };
}

function ageOf({ metadata }: Resource): { readonly created: string; readonly route: string } {
  return { created: metadata.creationTimestamp, route: `${metadata.namespace}/${metadata.name}` };
}
