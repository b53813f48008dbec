import { z } from 'zod';
import { tryParseName } from '../../src/dns/name.ts';
import { formatRdata, INTERPRETED_TYPES, parseRdata } from '../../src/dns/records/catalogue.ts';
import { parseType } from '../../src/dns/types.ts';
import type { Json, RecordSet } from '../../src/plan/record-set.ts';

const rrdatas = z.array(z.string()).optional();
const healthCheckedTargets = z
  .object({
    externalEndpoints: z.array(z.string()).optional(),
    internalLoadBalancers: z.array(z.record(z.string(), z.unknown())).optional(),
  })
  .optional();
const geoPolicy = z.object({
  enableFencing: z.boolean().optional(),
  items: z.array(z.object({ location: z.string().optional(), rrdatas, healthCheckedTargets })).optional(),
});
const routingPolicy = z.object({
  healthCheck: z.string().optional(),
  geo: geoPolicy.optional(),
  wrr: z
    .object({
      items: z.array(z.object({ weight: z.number().optional(), rrdatas, healthCheckedTargets })).optional(),
    })
    .optional(),
  primaryBackup: z
    .object({
      primaryTargets: healthCheckedTargets,
      backupGeoTargets: geoPolicy.optional(),
      trickleTraffic: z.number().optional(),
    })
    .optional(),
});

/**
 * `ResourceRecordSet` of the Cloud DNS API v1: either `rrdatas` or a `routingPolicy`.
 * https://cloud.google.com/dns/docs/reference/rest/v1/resourceRecordSets
 * What a server adds for itself (`kind`, `signatureRrdatas`) is dropped when it is read.
 */
export const apiRecordSet = z.object({
  name: z.string(),
  type: z.string(),
  ttl: z.number().int().optional(),
  rrdatas,
  routingPolicy: routingPolicy.optional(),
});
export type ApiRecordSet = z.output<typeof apiRecordSet>;
type ApiRoutingPolicy = z.output<typeof routingPolicy>;
type ApiGeoPolicy = z.output<typeof geoPolicy>;
type ApiTargets = z.output<typeof healthCheckedTargets>;

/**
 * The set in canonical form; `undefined` for a name that DNS does not allow. Google has one set per name and type, so `setId` is always
 * empty; the routing policy goes into `native.routingPolicy` as the API spells it, without defaults.
 */
export function readRecordSet(api: ApiRecordSet): RecordSet | undefined {
  const name = tryParseName(api.name);
  if (typeof name !== 'string') return undefined;
  const type = api.type.toUpperCase();
  const policy = api.routingPolicy === undefined ? undefined : canonicalPolicy(type, api.routingPolicy);
  return {
    name,
    type,
    setId: '',
    ...(api.ttl === undefined ? {} : { ttlSeconds: api.ttl }),
    values: canonicalValues(type, api.rrdatas),
    ...(policy === undefined ? {} : { native: { routingPolicy: policy } }),
  };
}

/** The set as the API takes it in `additions` and `deletions`. */
export function writeRecordSet(set: RecordSet): { readonly [key: string]: Json } {
  return {
    kind: 'dns#resourceRecordSet',
    name: set.name,
    type: set.type,
    ...(set.ttlSeconds === undefined ? {} : { ttl: set.ttlSeconds }),
    ...(set.values.length === 0 ? {} : { rrdatas: set.values }),
    ...(set.native ?? {}),
  };
}

/**
 * Octets that a set counts for against the size of a change. Google counts rrdata; of a routing policy we count all of its JSON, which is
 * more.
 */
export function octetsOf(set: RecordSet): number {
  const policy = set.native === undefined ? 0 : Buffer.byteLength(JSON.stringify(set.native));
  return set.values.reduce((sum, value) => sum + Buffer.byteLength(value), policy);
}

function canonicalPolicy(type: string, policy: ApiRoutingPolicy): { readonly [key: string]: Json } {
  const { geo, wrr, primaryBackup, healthCheck } = policy;
  return {
    ...(geo === undefined ? {} : { geo: canonicalGeo(type, geo) }),
    ...(wrr === undefined
      ? {}
      : {
          wrr: {
            items: (wrr.items ?? []).map((item) => ({
              weight: item.weight ?? 0,
              ...optionalValues(type, item.rrdatas),
              ...optionalTargets(type, 'healthCheckedTargets', item.healthCheckedTargets),
            })),
          },
        }),
    ...(primaryBackup === undefined
      ? {}
      : {
          primaryBackup: {
            ...optionalTargets(type, 'primaryTargets', primaryBackup.primaryTargets),
            ...(primaryBackup.backupGeoTargets === undefined
              ? {}
              : { backupGeoTargets: canonicalGeo(type, primaryBackup.backupGeoTargets) }),
            ...(primaryBackup.trickleTraffic ? { trickleTraffic: primaryBackup.trickleTraffic } : {}),
          },
        }),
    ...(healthCheck === undefined || healthCheck === '' ? {} : { healthCheck: canonicalLink(healthCheck) }),
  };
}

function canonicalGeo(type: string, geo: ApiGeoPolicy): { readonly [key: string]: Json } {
  return {
    ...(geo.enableFencing === true ? { enableFencing: true } : {}),
    items: (geo.items ?? []).map((item) => ({
      location: item.location ?? '',
      ...optionalValues(type, item.rrdatas),
      ...optionalTargets(type, 'healthCheckedTargets', item.healthCheckedTargets),
    })),
  };
}

function optionalValues(
  type: string,
  values: readonly string[] | undefined,
): { rrdatas?: readonly string[] } {
  return values === undefined || values.length === 0 ? {} : { rrdatas: canonicalValues(type, values) };
}

function optionalTargets(type: string, key: string, targets: ApiTargets): { readonly [key: string]: Json } {
  if (targets === undefined) return {};
  const { externalEndpoints = [], internalLoadBalancers = [] } = targets;
  const found: { readonly [key: string]: Json } = {
    ...(externalEndpoints.length === 0
      ? {}
      : { externalEndpoints: canonicalValues(type, externalEndpoints) }),
    ...(internalLoadBalancers.length === 0
      ? {}
      : { internalLoadBalancers: internalLoadBalancers.map(withoutKind) }),
  };
  return Object.keys(found).length === 0 ? {} : { [key]: found };
}

function withoutKind(balancer: Readonly<Record<string, unknown>>): { readonly [key: string]: Json } {
  const fields: Record<string, Json> = {};
  for (const [key, value] of Object.entries(balancer)) {
    if (key !== 'kind' && typeof value === 'string') fields[key] = value;
  }
  return fields;
}

/** A `selfLink`, which is what the API asks for: `projects/…` alone says the same. */
export function canonicalLink(link: string): string {
  const path = link.replace(/^https:\/\/(?:www|compute)\.googleapis\.com\/compute\/(?:v1|beta|alpha)\//, '');
  return `https://www.googleapis.com/compute/v1/${path}`;
}

/** Sorted, each once; data of a type that we do not know, or that does not parse, stays as it is written. */
function canonicalValues(type: string, values: readonly string[] | undefined): readonly string[] {
  const code = INTERPRETED_TYPES.includes(type) ? parseType(type) : undefined;
  const texts = (values ?? []).map((value) => (code === undefined ? value : canonicalValue(code, value)));
  return [...new Set(texts)].sort();
}

function canonicalValue(code: number, value: string): string {
  try {
    return formatRdata(parseRdata(code, value));
  } catch {
    return value;
  }
}
