import { createHmac } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { z } from 'zod';
import type { KubeObject } from '../../kube/contract.ts';
import { readCertificate, splitPem } from '../../src/identity/certificate.ts';
import type { SecretContent, ServiceContent } from '../../src/inventory/contract.ts';
import { contentOf, MAX_CONTENT, unchanged } from './project-gateway-api.ts';

/* What is kept of Kubernetes' own objects. */

/** Where clients come in, as a status says it. */
export interface PublicAddress {
  readonly type: 'IPAddress' | 'Hostname';
  readonly value: string;
}

export interface KeptService {
  readonly content: string;
  /** Of a load balancer. */
  readonly addresses: readonly PublicAddress[];
  /** `namespace/name` of the Gateway that it stands in front of, as its label says (GEP-1762). */
  readonly gateway?: string;
  /** Ports, for the endpoints of pods. */
  readonly ports: readonly { readonly port: number; readonly name?: string }[];
}

export interface KeptNode {
  readonly ready: boolean;
  readonly zone: string;
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly external: readonly PublicAddress[];
}

export interface KeptNamespace {
  readonly content: string;
}

export interface KeptSecret {
  readonly uid: string;
  readonly content: string;
  /** Nothing is wrong with its certificate and key, or it has none. */
  readonly servable: boolean;
  /** Decoded; only what the gateway uses: `tls.crt`, `tls.key`, `ca.crt`. */
  readonly values: Readonly<Record<string, string>>;
}

const ingressPoints = z
  .array(z.object({ ip: z.string().optional(), hostname: z.string().optional() }))
  .optional();
const balancer = z.object({ loadBalancer: z.object({ ingress: ingressPoints }).optional() }).optional();

const service = z.object({
  spec: z.object({
    type: z.enum(['ClusterIP', 'LoadBalancer', 'NodePort', 'ExternalName']).default('ClusterIP'),
    clusterIP: z.string().optional(),
    externalName: z.string().optional(),
    externalIPs: z.array(z.string()).optional(),
    ports: z
      .array(
        z.object({
          port: z.number(),
          name: z.string().optional(),
          appProtocol: z.string().optional(),
          protocol: z.string().optional(),
        }),
      )
      .default([]),
  }),
  status: balancer,
});

const node = z.object({
  status: z
    .object({
      conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
      allocatable: z.object({ cpu: z.string().optional(), memory: z.string().optional() }).optional(),
      addresses: z.array(z.object({ type: z.string(), address: z.string() })).default([]),
    })
    .optional(),
});

const secret = z.object({
  type: z.string().default('Opaque'),
  data: z.record(z.string(), z.string()).default({}),
});

/** On Services that were made for a Gateway. */
export const GATEWAY_NAME_LABEL = 'gateway.networking.k8s.io/gateway-name';
export const ZONE_LABEL = 'topology.kubernetes.io/zone';
const SECRET_VALUES = ['tls.crt', 'tls.key', 'ca.crt'] as const;
const MAX_ADDRESSES = 16;
/** What the hub takes of one Service or Secret: more would end the stream of the whole cluster. */
const MAX_PORTS = 1024;
const MAX_KEYS = 1024;

export function projectService(object: KubeObject, before: KeptService | undefined): KeptService | undefined {
  const found = service.safeParse(object);
  if (!found.success) return undefined;
  const { spec, status } = found.data;
  // The gateway speaks TCP; a Service of UDP ports is one without ports.
  const ports = spec.ports.filter(({ protocol = 'TCP' }) => protocol === 'TCP').slice(0, MAX_PORTS);
  const content: ServiceContent = {
    type: spec.type === 'ClusterIP' && spec.clusterIP === 'None' ? 'Headless' : spec.type,
    ports: ports.map(({ port, name, appProtocol }) => ({
      port,
      ...(name === undefined || name === '' ? {} : { name }),
      ...(appProtocol === undefined ? {} : { appProtocol }),
    })),
    ...(spec.externalName === undefined || spec.externalName === ''
      ? {}
      : { externalName: spec.externalName }),
  };
  const bare = { ...object, metadata: { ...object.metadata, labels: {} } };
  const gateway = object.metadata.labels?.[GATEWAY_NAME_LABEL];
  return unchanged(before, {
    content: contentOf(bare, content),
    addresses: spec.type === 'LoadBalancer' ? addressesOf(status?.loadBalancer?.ingress) : [],
    ...(gateway === undefined ? {} : { gateway: `${object.metadata.namespace ?? ''}/${gateway}` }),
    ports: content.ports.map(({ port, name }) => ({ port, ...(name === undefined ? {} : { name }) })),
  });
}

const ingress = z.object({ status: balancer });

/** The public addresses of an Ingress; one without any is not kept. */
export function projectIngress(
  object: KubeObject,
  before: readonly PublicAddress[] | undefined,
): readonly PublicAddress[] | undefined {
  const found = ingress.safeParse(object);
  const addresses = found.success ? addressesOf(found.data.status?.loadBalancer?.ingress) : [];
  return addresses.length === 0 ? undefined : unchanged(before, addresses);
}

export function projectNode(object: KubeObject, before: KeptNode | undefined): KeptNode {
  const found = node.safeParse(object);
  const status = found.success ? found.data.status : undefined;
  return unchanged(before, {
    ready: status?.conditions.some((c) => c.type === 'Ready' && c.status === 'True') ?? false,
    zone: object.metadata.labels?.[ZONE_LABEL] ?? '',
    cpuMillis: Math.round(quantity(status?.allocatable?.cpu) * 1000),
    memoryBytes: Math.round(quantity(status?.allocatable?.memory)),
    external: (status?.addresses ?? []).flatMap(({ type, address }): readonly PublicAddress[] =>
      type === 'ExternalIP' ? [{ type: 'IPAddress', value: address }] : [],
    ),
  });
}

export function projectNamespace(object: KubeObject, before: KeptNamespace | undefined): KeptNamespace {
  return unchanged(before, { content: contentOf(object, {}) });
}

/**
 * A Secret that was granted. `digestKey` keeps what is told of the values from being guessed from them.
 * @param hasPair whether there is a pair of before that can be served
 * @see https://kubernetes.io/docs/concepts/configuration/secret/#tls-secrets
 */
export function projectSecret(
  digestKey: Uint8Array,
  object: KubeObject,
  before: KeptSecret | undefined,
  hasPair: () => boolean = () => false,
): KeptSecret | undefined {
  const found = secret.safeParse(object);
  if (!found.success) return undefined;
  const { type, data } = found.data;
  const used: readonly string[] = SECRET_VALUES.filter((key) => data[key] !== undefined);
  const others = Object.keys(data).filter((key) => !used.includes(key));
  const keys = [...used, ...others.sort()].slice(0, MAX_KEYS).sort();
  const values = Object.fromEntries(
    SECRET_VALUES.flatMap((key) => {
      const encoded = data[key];
      return encoded === undefined || encoded.length > MAX_CONTENT
        ? []
        : [[key, Buffer.from(encoded, 'base64').toString('utf8')]];
    }),
  );
  const problem = pairProblem(values);
  const digest = digestOf(digestKey, values);
  const authorityProblem = bundleProblem(values['ca.crt']);
  const content: SecretContent = {
    type,
    keys,
    digest,
    ...(problem === undefined ? {} : { problem, instead: hasPair() ? 'earlier' : 'nothing' }),
    ...(authorityProblem === undefined ? {} : { authorityProblem }),
  };
  const bare = { ...object, metadata: { ...object.metadata, labels: {} } };
  return unchanged(before, {
    uid: object.metadata.uid ?? '',
    content: contentOf(bare, content),
    servable: problem === undefined,
    values,
  });
}

/**
 * What is told of a Secret that Gateways name and that is not seen: that there is none would be wrong, and would take away what can still be served of it.
 * @param values of before, if there are any
 * @param why it is not seen
 */
export function unseenSecret(
  digestKey: Uint8Array,
  values: Readonly<Record<string, string>> | undefined,
  why: string,
): string {
  const content: SecretContent = {
    type: '',
    keys: values === undefined ? [...SECRET_VALUES] : Object.keys(values).sort(),
    digest: digestOf(digestKey, values ?? {}),
    problem: why,
    instead: hasPair(values) ? 'earlier' : 'nothing',
    ...(values?.['ca.crt'] === undefined ? { authorityProblem: why } : {}),
  };
  // Of an object that nobody saw, neither is known.
  const metadata = { name: '', uid: 'unseen', creationTimestamp: new Date(0).toISOString() };
  return contentOf({ apiVersion: 'v1', kind: 'Secret', metadata }, content);
}

function digestOf(digestKey: Uint8Array, values: Readonly<Record<string, string>>): string {
  return createHmac('sha256', digestKey)
    .update(JSON.stringify(SECRET_VALUES.map((key) => values[key] ?? null)))
    .digest('hex')
    .slice(0, 32);
}

/** Whether these have a pair that can be served. */
export function hasPair(values: Readonly<Record<string, string>> | undefined): boolean {
  return values?.['tls.crt'] !== undefined && pairProblem(values) === undefined;
}

/** Why `ca.crt` is no authority; without one there is nothing to say, and some issuers write an empty one. */
function bundleProblem(pem: string | undefined): string | undefined {
  if (pem === undefined) return undefined;
  const certificates = splitPem(pem);
  return certificates.length > 0 && certificates.every((one) => readCertificate(one) !== undefined)
    ? undefined
    : 'ca.crt is no certificate in PEM';
}

/** Why `tls.crt` and `tls.key` cannot be served; without either there is nothing to say. */
function pairProblem(values: Readonly<Record<string, string>>): string | undefined {
  const { 'tls.crt': cert, 'tls.key': key } = values;
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || cert === '') return 'tls.crt is missing';
  if (key === undefined || key === '') return 'tls.key is missing';
  try {
    createSecureContext({ cert, key });
    return undefined;
  } catch {
    // The library's words may quote what it read.
    return 'tls.crt and tls.key are no certificate with its key, in PEM';
  }
}

function addressesOf(points: z.output<typeof ingressPoints>): readonly PublicAddress[] {
  return (points ?? []).slice(0, MAX_ADDRESSES).flatMap(({ ip, hostname }): readonly PublicAddress[] => {
    if (ip !== undefined && ip !== '') return [{ type: 'IPAddress', value: ip }];
    return hostname === undefined || hostname === ''
      ? []
      : [{ type: 'Hostname', value: hostname.toLowerCase() }];
  });
}

const SUFFIXES: Readonly<Record<string, number>> = {
  '': 1,
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** The value of a `resource.Quantity` such as `3920m`, `31Gi` or `2e3`; 0 of text that is none. */
export function quantity(text: string | undefined): number {
  const [, number, suffix = ''] = /^([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([A-Za-z]*)$/.exec(text ?? '') ?? [];
  const value = Number(number) * (SUFFIXES[suffix] ?? Number.NaN);
  return Number.isFinite(value) ? value : 0;
}
