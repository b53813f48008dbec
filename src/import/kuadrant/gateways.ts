import { GATEWAY_CLASS } from '../../resources/gateway.ts';
import { GATEWAY_API_GROUP, GATEWAY_API_VERSION, PORTOLAN_GROUP } from '../../resources/route-fields.ts';
import { compact, type Document } from './documents.ts';
import { Field, isMap, type Ledger } from './ledger.ts';
import { textMap } from './secrets.ts';

export interface SourceGateway {
  readonly namespace: string;
  readonly name: string;
  readonly cluster: string | undefined;
  readonly document: Readonly<Record<string, unknown>>;
  readonly listeners: readonly {
    readonly name: string;
    readonly hostname: string | undefined;
    readonly protocol: string;
  }[];
  /** What its status says of where it is reached. */
  readonly addresses: readonly { readonly type: string; readonly value: string }[];
}

export function readGateway(
  document: Readonly<Record<string, unknown>>,
  namespace: string,
  name: string,
  cluster: string | undefined,
): SourceGateway {
  const spec = isMap(document.spec) ? document.spec : {};
  const status = isMap(document.status) ? document.status : {};
  return {
    namespace,
    name,
    cluster,
    document,
    listeners: maps(spec.listeners).map((listener) => ({
      name: text(listener.name) ?? '',
      hostname: text(listener.hostname),
      protocol: text(listener.protocol) ?? '',
    })),
    addresses: maps(status.addresses).map((address) => ({
      type: text(address.type) ?? 'IPAddress',
      value: text(address.value) ?? '',
    })),
  };
}

/**
 * The Gateway as agents serve it, and the grant that lets it name certificates of another namespace.
 * @param certificate name of the CertificatePolicy of a listener, where a TLSPolicy holds for it
 * @param policies namespace of the CertificatePolicies
 */
export function gatewayDocuments(
  gateway: SourceGateway,
  certificate: (listener: string) => string | undefined,
  policies: string,
  ledger: Ledger,
): readonly Document[] {
  const spec = new Field(
    ledger,
    `Gateway ${gateway.namespace}/${gateway.name}`,
    'spec',
    gateway.document.spec,
  );
  const metadata = isMap(gateway.document.metadata) ? gateway.document.metadata : {};
  const elsewhere = policies !== gateway.namespace;
  let named = false;
  const listeners = (spec.get('listeners')?.items() ?? []).map((listener) => {
    const policy = certificate(listener.text('name') ?? '');
    if (policy === undefined || !isMap(listener.value) || !isMap(listener.value.tls)) return listener.value;
    listener
      .get('tls')
      ?.get('certificateRefs')
      ?.tell('approximate', `the certificate comes from CertificatePolicy ${policy} instead of a Secret`);
    const certificateRefs = [
      compact({
        group: PORTOLAN_GROUP,
        kind: 'CertificatePolicy',
        name: policy,
        namespace: elsewhere ? policies : undefined,
      }),
    ];
    named = true;
    return { ...listener.value, tls: { ...listener.value.tls, certificateRefs } };
  });
  spec
    .get('gatewayClassName')
    ?.tell(
      'approximate',
      `${GATEWAY_CLASS} instead: Portolan's agents serve it from the moment you apply it`,
    );
  spec.get('infrastructure')?.tell('unsupported', "the agent's own Service is what it is reached by");
  spec.tell('exact');
  const { infrastructure: _parameters, ...rest } = isMap(spec.value) ? spec.value : {};
  const document: Document = {
    apiVersion: GATEWAY_API_VERSION,
    kind: 'Gateway',
    metadata: {
      namespace: gateway.namespace,
      name: gateway.name,
      ...(isMap(metadata.labels) ? { labels: textMap(metadata.labels) } : {}),
    },
    spec: { ...rest, gatewayClassName: GATEWAY_CLASS, listeners },
  };
  return named && elsewhere ? [document, grant(gateway, policies)] : [document];
}

function grant({ namespace, name }: SourceGateway, policies: string): Document {
  return {
    apiVersion: GATEWAY_API_VERSION,
    kind: 'ReferenceGrant',
    metadata: { namespace: policies, name: `${namespace}-${name}-certificates`.slice(0, 63) },
    spec: {
      from: [{ group: GATEWAY_API_GROUP, kind: 'Gateway', namespace }],
      to: [{ group: PORTOLAN_GROUP, kind: 'CertificatePolicy' }],
    },
  };
}

function maps(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter(isMap) : [];
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
