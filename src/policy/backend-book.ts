import type { ServiceContent } from '../inventory/contract.ts';
import { backendSpec } from '../resources/backend.ts';
import type { Resource } from '../resources/catalogue.ts';
import { type BackendObjectReference, GATEWAY_API_GROUP, PORTOLAN_GROUP } from '../resources/route-fields.ts';
import {
  type Authority,
  BackendAuthorities,
  type BackendAuthorityWorld,
  leadsToBackend,
  type TlsPlace,
} from './backend-authorities.ts';
import type { PolicyReport } from './compile-report.ts';
import type { Grants } from './grants.ts';
import { listChange } from './list-change.ts';
import type { CompiledBackend } from './model.ts';
import { kept, sameEntries } from './same-value.ts';
import type { SecretRefBook } from './secret-refs.ts';
import { type ServicePort, servicePort } from './service-port.ts';
import { changedRecord, EMPTY_RECORD, type SortedRecord } from './sorted-record.ts';

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

export interface BackendWorld extends BackendAuthorityWorld {
  readonly backends: ReadonlyMap<string, Resource<'Backend'>>;
  /** Services of the cluster that its agent told of. */
  readonly services?: ReadonlyMap<string, ServiceContent> | undefined;
  readonly grants: Grants;
  /** What `grants` were made of. */
  readonly referenceGrants: ReadonlyMap<string, Resource<'ReferenceGrant'>>;
  /** Name of the cluster: endpoints of others are left out. */
  readonly cluster: string;
}

/** Where a reference led, and all that it depended on. */
export interface Resolution {
  /** `namespace/name` of what is referred to. */
  readonly name: string;
  readonly led: ResolvedBackend;
  readonly compiled: CompiledBackend | undefined;
  readonly backend: Resource<'Backend'> | undefined;
  /** Undefined also when no Service can be meant. */
  readonly service: ServiceContent | undefined;
  readonly isService: boolean;
  /** Between namespaces: who asked for what, and whether it is allowed. */
  readonly crossing:
    | { readonly ends: Readonly<Parameters<Grants['allows']>>; readonly allowed: boolean }
    | undefined;
  /** Where a BackendTLSPolicy was looked for, and what was found. */
  readonly encrypted: { readonly at: TlsPlace; readonly authority: Authority | undefined } | undefined;
}

/** What the book of before has. */
interface Before {
  readonly taken: readonly Resolution[];
  readonly record: SortedRecord<CompiledBackend>;
}

const NOTHING: Before = { taken: [], record: EMPTY_RECORD };

/**
 * Resolves references to backends, and holds the compiled ones that somebody referred to. What a reference led to before holds still when all
 * that it depended on is the same, and what says the same is the same object.
 */
export class BackendBook {
  readonly #world: BackendWorld;
  readonly #secrets: SecretRefBook;
  /** Those that were made. */
  readonly #made = new Map<string, Resolution>();
  readonly #compiled = new Map<string, CompiledBackend>();
  /** Of one route after the other. */
  readonly #taken: Resolution[] = [];
  readonly #authorities: BackendAuthorities;
  /** Services are told of, or not told of, as before. */
  readonly #sameSources: boolean;
  /** Everything leads where it led. */
  readonly #sameWorld: boolean;
  #before: Before;
  #record: SortedRecord<CompiledBackend> = EMPTY_RECORD;

  constructor(world: BackendWorld, secrets: SecretRefBook, before: BackendBook | undefined) {
    this.#world = world;
    this.#secrets = secrets;
    this.#before = before === undefined ? NOTHING : { taken: before.#taken, record: before.#record };
    const then = before === undefined ? undefined : before.#world;
    this.#sameSources =
      then !== undefined &&
      then.cluster === world.cluster &&
      (then.services === undefined) === (world.services === undefined);
    this.#sameWorld =
      this.#sameSources &&
      then?.services === world.services &&
      then?.backends === world.backends &&
      // What they say depends on more.
      then.tlsPolicies.length === 0 &&
      world.tlsPolicies.length === 0 &&
      sameEntries(then.referenceGrants, world.referenceGrants);
    this.#authorities = new BackendAuthorities(world, before === undefined ? undefined : before.#authorities);
  }

  /**
   * A kind `Service` leads to the Backend of its name and namespace; where that has no endpoints, or is not there, to the Service of that name
   * in the cluster, with the settings of the Backend.
   */
  resolve(ref: BackendObjectReference, asker: BackendAsker): Resolution {
    const namespace = ref.namespace ?? asker.namespace;
    const key = `${ref.group}/${ref.kind}/${namespace}/${ref.name}:${ref.port ?? ''} ${asker.kind} ${asker.namespace} ${asker.clientCertificate ?? ''}`;
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const own = this.#resolution(ref, namespace, asker);
    this.#made.set(key, own);
    return own;
  }

  /** True of a resolution of before that leads where it led. */
  holds({ name, isService, backend, service, crossing, encrypted }: Resolution): boolean {
    if (this.#sameWorld) return true;
    const { backends, services, grants } = this.#world;
    if (!this.#sameSources || backends.get(name) !== backend) return false;
    if (isService && services?.get(name) !== service) return false;
    if (crossing !== undefined && grants.allows(...crossing.ends) !== crossing.allowed) return false;
    return encrypted === undefined || this.#authorities.of(encrypted.at) === encrypted.authority;
  }

  /** A route refers to these. */
  take(resolutions: readonly Resolution[]): void {
    for (const resolution of resolutions) {
      this.#taken.push(resolution);
      const authority = resolution.encrypted?.authority;
      if (authority === undefined) continue;
      this.#authorities.use(authority);
      this.#secrets.take(authority.bundles);
    }
  }

  #resolution(ref: BackendObjectReference, namespace: string, asker: BackendAsker): Resolution {
    const name = `${namespace}/${ref.name}`;
    const isService = ref.kind === 'Service';
    const from = { group: GATEWAY_API_GROUP, kind: asker.kind, namespace: asker.namespace };
    const ends = [from, { group: ref.group, kind: ref.kind, namespace, name: ref.name }] as const;
    const allowed = this.#world.grants.allows(...ends);
    const backend = this.#world.backends.get(name);
    const service = isService ? this.#world.services?.get(name) : undefined;
    const found: Found =
      allowed || !leadsToBackend(ref)
        ? this.#resolve(ref, name, backend, service, asker)
        : no(
            'RefNotPermitted',
            `No ReferenceGrant in ${namespace} lets ${asker.kind}s of ${asker.namespace} refer to ${ref.kind} ${ref.name}.`,
          );
    return {
      name,
      led: 'id' in found ? { id: found.id } : { unresolved: found.unresolved },
      compiled: 'id' in found ? this.#sameCompiled(found.id, found.compiled) : undefined,
      backend,
      service,
      isService,
      crossing: from.namespace === namespace ? undefined : { ends, allowed },
      encrypted: found.encrypted,
    };
  }

  #sameCompiled(id: string, compiled: CompiledBackend): CompiledBackend {
    const { record } = this.#before.record;
    const before = Object.hasOwn(record, id) ? record[id] : undefined;
    const own = kept(this.#compiled.get(id) ?? before, compiled);
    this.#compiled.set(id, own);
    return own;
  }

  #resolve(
    ref: BackendObjectReference,
    name: string,
    backend: Resource<'Backend'> | undefined,
    service: ServiceContent | undefined,
    asker: BackendAsker,
  ): Found {
    const http2 = asker.kind === 'GRPCRoute';
    if (!leadsToBackend(ref)) {
      const kind = ref.group === '' ? ref.kind : `${ref.group}/${ref.kind}`;
      return no('InvalidKind', `${kind} ${name} is neither a Service nor a Backend of ${PORTOLAN_GROUP}.`);
    }
    if (service !== undefined && (backend === undefined || backend.spec.endpoints.length === 0)) {
      const at = servicePort(name, service, ref.port);
      if ('unresolved' in at) return at;
      return this.#service(name, at, backend, http2, asker.clientCertificate);
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
  ): Found {
    const { spec, metadata } = backend;
    const name = `${metadata.namespace}/${metadata.name}`;
    const encrypted = this.#encrypted({ name, port });
    const tls = encrypted.authority?.tls;
    if (tls !== undefined && 'unresolved' in tls) return { ...tls, encrypted };
    const shown = tls === undefined ? undefined : clientCertificate;
    const forced = http2 && spec.protocol !== 'h2';
    const id = `${name}${port === undefined ? '' : `:${port}`}${forced ? '+h2' : ''}${shown === undefined ? '' : `+${shown}`}`;
    const { healthCheck, outlierEjection } = spec;
    const compiled: CompiledBackend = {
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
    };
    return { id, compiled, encrypted };
  }

  #service(
    name: string,
    at: ServicePort,
    settings: Resource<'Backend'> | undefined,
    http2: boolean,
    clientCertificate: string | undefined,
  ): Found {
    const encrypted = this.#encrypted({ name, port: at.port, portName: at.name });
    const tls = encrypted.authority?.tls;
    if (tls !== undefined && 'unresolved' in tls) return { ...tls, encrypted };
    if (at.tls && tls === undefined)
      return {
        ...no(
          'UnsupportedProtocol',
          `Port ${at.port} of Service ${name} is ${at.appProtocol}, and no BackendTLSPolicy says whose certificate to trust.`,
        ),
        encrypted,
      };
    const shown = tls === undefined ? undefined : clientCertificate;
    const spec = settings?.spec ?? DEFAULTS;
    const protocol = http2 || at.http2 ? 'h2' : spec.protocol;
    const forced = http2 && !at.http2 && spec.protocol !== 'h2';
    const id = `service/${name}:${at.port}${forced ? '+h2' : ''}${shown === undefined ? '' : `+${shown}`}`;
    const { healthCheck } = spec;
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
    return { id, compiled, encrypted };
  }

  #encrypted(at: TlsPlace): NonNullable<Resolution['encrypted']> {
    return { at, authority: this.#authorities.of(at) };
  }

  /** After the last reference: what nobody referred to this time is forgotten. */
  close(): void {
    const { gone, came } = listChange(this.#before.taken, this.#taken);
    const removed = new Set(gone.flatMap(({ led }) => ('id' in led ? [led.id] : [])));
    // Somebody else may refer to it.
    if (removed.size > 0) {
      for (const { led } of this.#taken) if ('id' in led) removed.delete(led.id);
    }
    const added = came.flatMap(({ led, compiled }) =>
      'id' in led && compiled !== undefined ? [[led.id, compiled] as const] : [],
    );
    this.#record = changedRecord(this.#before.record, removed, new Map(added));
    this.#authorities.close();
    this.#before = NOTHING;
  }

  /** After `close`. */
  compiled(): Readonly<Record<string, CompiledBackend>> {
    return this.#record.record;
  }

  /** @param gateways `namespace/name` of those that are compiled */
  policyReports(gateways: readonly string[]): readonly PolicyReport[] {
    return this.#authorities.reports(gateways);
  }
}

/** Where a reference leads, with what is there. */
type Found = (
  | { readonly id: string; readonly compiled: CompiledBackend }
  | { readonly unresolved: Unresolved }
) &
  Partial<Pick<Resolution, 'encrypted'>>;

/** Of a Service that no Backend says anything of. */
const DEFAULTS = backendSpec.parse({});

function no(reason: Unresolved['reason'], message: string): { readonly unresolved: Unresolved } {
  return { unresolved: { reason, message } };
}
