import { z } from 'zod';

/**
 * What is kept of one EndpointSlice (discovery.k8s.io/v1) whose Service is known. A cluster has tens of thousands of them, so that everything
 * lies in three texts: https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1/
 */
export interface Slice {
  /** `namespace/name` of the Service, from the label. */
  readonly service: string;
  /** `name=port`, TCP only, separated by commas; the name is the Service port's, empty when it has none. */
  readonly ports: string;
  /** One line for each endpoint that can take requests: see `ENDPOINT_FIELDS`. */
  readonly endpoints: string;
}

/** Of a slice: its Service. */
const SERVICE_LABEL = 'kubernetes.io/service-name';

/**
 * Fields of a line, separated by blanks: address, `r` (ready) or `t` (terminating, and still serving), zones it is meant for (commas; `-`: no
 * hint), pod (`-`: none). API servers let no blank into any of them; what has one all the same is left out.
 */
const ENDPOINT_FIELDS = 4;
const NONE = '-';

const condition = z.boolean().nullish();
const sliceObject = z.object({
  metadata: z.object({
    namespace: z.string(),
    labels: z.record(z.string(), z.string()).nullish(),
  }),
  addressType: z.string(),
  ports: z
    .array(
      z.object({
        name: z.string().nullish(),
        protocol: z.string().nullish(),
        port: z.number().int().min(1).max(65_535).nullish(),
      }),
    )
    .nullish(),
  endpoints: z
    .array(
      z.object({
        addresses: z.array(z.string()),
        conditions: z.object({ ready: condition, serving: condition, terminating: condition }).nullish(),
        targetRef: z
          .object({ kind: z.string().nullish(), namespace: z.string().nullish(), name: z.string().nullish() })
          .nullish(),
        hints: z.object({ forZones: z.array(z.object({ name: z.string() })).nullish() }).nullish(),
      }),
    )
    .nullish(),
});
type SliceEndpoint = NonNullable<z.output<typeof sliceObject>['endpoints']>[number];

/**
 * Reads an EndpointSlice for a reflector.
 * @param before what was kept of it
 * @returns undefined: it belongs to no Service, or has addresses that nobody can connect to (FQDN); `before` itself when nothing that matters changed
 */
export function projectSlice(object: unknown, before: Slice | undefined): Slice | undefined {
  const read = sliceObject.safeParse(object);
  if (!read.success) return undefined;
  const { metadata, addressType, ports, endpoints } = read.data;
  const name = metadata.labels?.[SERVICE_LABEL];
  if (name === undefined || name === '' || (addressType !== 'IPv4' && addressType !== 'IPv6'))
    return undefined;
  const slice: Slice = {
    service: `${metadata.namespace}/${name}`,
    ports: (ports ?? [])
      .flatMap(({ name: port, protocol, port: number }) =>
        (protocol ?? 'TCP') === 'TCP' && number != null ? [`${port ?? ''}=${number}`] : [],
      )
      .join(','),
    endpoints: (endpoints ?? []).flatMap(lineOf).join('\n'),
  };
  const same =
    before?.service === slice.service && before.ports === slice.ports && before.endpoints === slice.endpoints;
  return same ? before : slice;
}

/** None when it can take no request. Conditions that are not said are those of an endpoint that is well. */
function lineOf({ addresses, conditions, targetRef, hints }: SliceEndpoint): readonly string[] {
  const state =
    (conditions?.ready ?? true)
      ? 'r'
      : (conditions?.serving ?? true) && conditions?.terminating === true
        ? 't'
        : undefined;
  // All addresses of an endpoint are the same; since 1.31 there is one.
  const [address] = addresses;
  if (state === undefined || address === undefined) return [];
  const zones = (hints?.forZones ?? []).map(({ name }) => name).join(',');
  const pod =
    targetRef?.kind === 'Pod' && targetRef.name != null
      ? `${targetRef.namespace ?? ''}/${targetRef.name}`
      : NONE;
  const line = `${address} ${state} ${zones === '' ? NONE : zones} ${pod}`;
  return line.split(/\s/u).length === ENDPOINT_FIELDS ? [line] : [];
}

/** Who asks, as far as it matters for which endpoints are taken. */
export interface Vantage {
  /** `topology.kubernetes.io/zone` of its node; undefined: not known. */
  readonly zone: string | undefined;
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  /** Why an address must not be connected to (I32); undefined: it may. */
  readonly refusal: (address: string) => string | undefined;
}

export interface PortEndpoints {
  /** `address:port`, sorted, each once. */
  readonly endpoints: readonly string[];
  /** Addresses that are not taken, and why. */
  readonly refused: readonly (readonly [address: string, why: string])[];
}

interface Candidate {
  readonly address: string;
  readonly name: string;
  readonly zones: string;
  readonly pod: string;
}

/**
 * The endpoints that take requests for one port of a Service, as kube-proxy chooses them: those that are ready; when none is, those that
 * terminate and still serve (KEP-1669); of these those that the zone's hints name, when all have hints and one names the zone (KEP-2433).
 * A pod of a dual-stack Service is taken once, by IPv4 where this machine has it.
 * @param names of the Service's ports with the number in question
 * @param slices of the Service, all of them
 */
export function endpointsOfPort(
  names: ReadonlySet<string>,
  slices: readonly Slice[],
  vantage: Vantage,
): PortEndpoints {
  const refused: (readonly [string, string])[] = [];
  const ready = candidates('r', names, slices, vantage, refused);
  const usable = ready.length > 0 ? ready : candidates('t', names, slices, vantage, refused);
  return {
    endpoints: ofZone(usable, vantage.zone)
      .map(({ name }) => name)
      .sort(),
    refused,
  };
}

function candidates(
  state: 'r' | 't',
  names: ReadonlySet<string>,
  slices: readonly Slice[],
  { ipv4, ipv6, refusal }: Vantage,
  refused: (readonly [string, string])[],
): readonly Candidate[] {
  const found = new Map<string, Candidate>();
  const later: Candidate[] = [];
  const pods = new Set<string>();
  for (const { ports, endpoints } of slices) {
    if (endpoints === '') continue;
    const numbers = portsNamed(ports, names);
    if (numbers.length === 0) continue;
    for (const line of endpoints.split('\n')) {
      const [address = '', is, zones = NONE, pod = NONE] = line.split(' ');
      if (is !== state) continue;
      const isIpv6 = address.includes(':');
      if (isIpv6 ? !ipv6 : !ipv4) continue;
      const why = refusal(address);
      if (why !== undefined) {
        refused.push([address, why]);
        continue;
      }
      for (const number of numbers) {
        const candidate = { address, name: `${address}:${number}`, zones, pod };
        if (isIpv6) later.push(candidate);
        else {
          if (pod !== NONE) pods.add(pod);
          add(found, candidate);
        }
      }
    }
  }
  for (const candidate of later) if (!pods.has(candidate.pod)) add(found, candidate);
  return [...found.values()];
}

/** In two slices while one is being replaced: hints of either hold. */
function add(found: Map<string, Candidate>, candidate: Candidate): void {
  const known = found.get(candidate.name);
  if (known === undefined || known.zones === NONE) found.set(candidate.name, candidate);
  else if (candidate.zones !== NONE)
    found.set(candidate.name, { ...known, zones: `${known.zones},${candidate.zones}` });
}

function portsNamed(ports: string, names: ReadonlySet<string>): readonly number[] {
  const numbers = new Set<number>();
  for (const port of ports.split(',')) {
    const at = port.lastIndexOf('=');
    if (at >= 0 && names.has(port.slice(0, at))) numbers.add(Number(port.slice(at + 1)));
  }
  return [...numbers];
}

function ofZone(usable: readonly Candidate[], zone: string | undefined): readonly Candidate[] {
  if (zone === undefined || usable.some(({ zones }) => zones === NONE)) return usable;
  const near = usable.filter(({ zones }) => zones.split(',').includes(zone));
  return near.length > 0 ? near : usable;
}
