import type { ResourceRecordSet, ResourceRecordSetRegion, RRType } from '@aws-sdk/client-route-53';
import { z } from 'zod';
import { type DomainName, parseName } from '../../src/dns/name.ts';
import { formatRdata, parseRdata } from '../../src/dns/records/catalogue.ts';
import { parseType } from '../../src/dns/types.ts';
import type { Json, RecordSet } from '../../src/plan/record-set.ts';
import { ProviderError } from '../contract.ts';
import { decimalEscapes, nameFromApi, nameToApi, octalEscapes, plainId } from './names.ts';

/**
 * Route 53's ResourceRecordSet and our `RecordSet`, in both directions:
 * https://docs.aws.amazon.com/Route53/latest/APIReference/API_ResourceRecordSet.html
 * Routing data stands in `native` spelt as the API spells it; `SetIdentifier` is `setId`.
 */

/** What Route 53 hosts ("Supported DNS record types" in the Developer Guide). */
export const RECORD_TYPES = [
  'A',
  'AAAA',
  'CAA',
  'CNAME',
  'DS',
  'HTTPS',
  'MX',
  'NAPTR',
  'NS',
  'PTR',
  'SOA',
  'SPF',
  'SRV',
  'SSHFP',
  'SVCB',
  'TLSA',
  'TXT',
] as const satisfies readonly RRType[];

export function isRecordType(type: string): type is RRType {
  const types: readonly string[] = RECORD_TYPES;
  return types.includes(type);
}

/** Everything beside name, type, identifier, TTL and values, with the documented bounds. */
const native = z.strictObject({
  /** 0 to 255. */
  Weight: z.number().int().min(0).max(255).optional(),
  GeoLocation: z
    .strictObject({
      ContinentCode: z.string().length(2).optional(),
      CountryCode: z.string().min(1).max(2).optional(),
      SubdivisionCode: z.string().min(1).max(3).optional(),
    })
    .optional(),
  Failover: z.enum(['PRIMARY', 'SECONDARY']).optional(),
  MultiValueAnswer: z.literal(true).optional(),
  /** Read from the API, given back as it was. */
  Region: z.custom<ResourceRecordSetRegion>((value) => typeof value === 'string').optional(),
  AliasTarget: z
    .strictObject({ HostedZoneId: z.string(), DNSName: z.string(), EvaluateTargetHealth: z.boolean() })
    .optional(),
  HealthCheckId: z.string().max(64).optional(),
  TrafficPolicyInstanceId: z.string().optional(),
  CidrRoutingConfig: z.strictObject({ CollectionId: z.string(), LocationName: z.string() }).optional(),
  GeoProximityLocation: z
    .strictObject({
      AWSRegion: z.string().optional(),
      LocalZoneGroup: z.string().optional(),
      Coordinates: z.strictObject({ Latitude: z.string(), Longitude: z.string() }).optional(),
      Bias: z.number().int().min(-99).max(99).optional(),
    })
    .optional(),
});
export type Route53Routing = z.output<typeof native>;

/** A set as it was read. */
export interface ReadSet {
  readonly set: RecordSet;
  /**
   * The values as the API has them, where it does not spell them as we would: DELETE "must specify the same values", so they go back as they
   * came (`ZoneContent.tokens`).
   */
  readonly token: string | undefined;
}

/** @returns undefined for a set whose name is no domain name */
export function setFromApi(api: ResourceRecordSet): ReadSet | undefined {
  const name = nameFromApi(api.Name ?? '');
  const type = api.Type ?? '';
  if (name === undefined || type === '') return undefined;
  const raw = (api.ResourceRecords ?? []).map((record) => record.Value ?? '');
  const values = canonicalValues(type, raw);
  const routing = routingOf(api);
  const set: RecordSet = {
    name,
    type,
    setId: api.SetIdentifier ?? '',
    ...(api.TTL === undefined ? {} : { ttlSeconds: api.TTL }),
    values,
    ...(Object.keys(routing).length === 0 ? {} : { native: routing }),
  };
  const spelt = values.map(octalEscapes);
  const asWeSpell = spelt.length === raw.length && spelt.every((value) => raw.includes(value));
  return { set, token: asWeSpell ? undefined : JSON.stringify(raw) };
}

/** `token` is that of the same set when it was read. @throws ProviderError `invalid` */
export function setToApi(set: RecordSet, token?: string): ResourceRecordSet {
  if (!isRecordType(set.type)) {
    throw new ProviderError('invalid', `Route 53 does not host records of type ${set.type}`, {
      fix: `It hosts ${RECORD_TYPES.join(', ')}.`,
    });
  }
  const routing = native.safeParse(set.native ?? {});
  if (!routing.success) {
    throw new ProviderError(
      'invalid',
      `${set.name} ${set.type}: ${z.prettifyError(routing.error).replace(/\s+/g, ' ')}`,
    );
  }
  const { AliasTarget, ...rest } = routing.data;
  const values =
    token === undefined ? set.values.map(octalEscapes) : z.array(z.string()).parse(JSON.parse(token));
  return {
    Name: nameToApi(set.name),
    Type: set.type,
    ...(set.setId === '' ? {} : { SetIdentifier: set.setId }),
    ...(set.ttlSeconds === undefined ? {} : { TTL: set.ttlSeconds }),
    ...(values.length === 0 ? {} : { ResourceRecords: values.map((Value) => ({ Value })) }),
    ...rest,
    ...(AliasTarget === undefined
      ? {}
      : { AliasTarget: { ...AliasTarget, DNSName: nameToApi(AliasTarget.DNSName) } }),
  };
}

/** The set that an alias leads to. */
export function aliasTargetOf(set: RecordSet): DomainName | undefined {
  const target = set.native?.AliasTarget;
  const parsed = z.object({ DNSName: z.string() }).safeParse(target);
  return parsed.success ? nameFromApi(parsed.data.DNSName) : undefined;
}

/**
 * Values in the form that `formatRdata` gives, sorted. What our parser does not take (somebody else's) stays as it is: a zone can be read
 * whatever is in it.
 */
export function canonicalValues(type: string, raw: readonly string[]): readonly string[] {
  const code = parseType(type);
  const values = raw.map((value) => {
    if (code === undefined) return value;
    try {
      // Names in values are absolute there, with and without the dot at the end.
      return formatRdata(parseRdata(code, decimalEscapes(value), parseName('.')));
    } catch {
      return value;
    }
  });
  return [...new Set(values)].sort();
}

function routingOf(api: ResourceRecordSet): { readonly [key: string]: Json } {
  const alias = api.AliasTarget;
  const { GeoLocation: geo, CidrRoutingConfig: cidr, GeoProximityLocation: proximity } = api;
  return withoutUndefined({
    Weight: api.Weight,
    GeoLocation: geo && {
      ContinentCode: geo.ContinentCode,
      CountryCode: geo.CountryCode,
      SubdivisionCode: geo.SubdivisionCode,
    },
    Failover: api.Failover,
    // `false` is the default.
    MultiValueAnswer: api.MultiValueAnswer === true ? true : undefined,
    Region: api.Region,
    AliasTarget: alias && {
      HostedZoneId: plainId(alias.HostedZoneId ?? ''),
      DNSName: nameFromApi(alias.DNSName ?? '') ?? alias.DNSName,
      EvaluateTargetHealth: alias.EvaluateTargetHealth ?? false,
    },
    HealthCheckId: api.HealthCheckId,
    TrafficPolicyInstanceId: api.TrafficPolicyInstanceId,
    CidrRoutingConfig: cidr && { CollectionId: cidr.CollectionId, LocationName: cidr.LocationName },
    GeoProximityLocation: proximity && {
      AWSRegion: proximity.AWSRegion,
      LocalZoneGroup: proximity.LocalZoneGroup,
      Coordinates: proximity.Coordinates && {
        Latitude: proximity.Coordinates.Latitude,
        Longitude: proximity.Coordinates.Longitude,
      },
      Bias: proximity.Bias,
    },
  });
}

interface Sparse {
  readonly [key: string]: Json | Sparse | undefined;
}

function withoutUndefined(sparse: Sparse): { readonly [key: string]: Json } {
  const kept: { [key: string]: Json } = {};
  for (const [key, value] of Object.entries(sparse)) {
    if (value === undefined) continue;
    kept[key] = isSparse(value) ? withoutUndefined(value) : value;
  }
  return kept;
}

function isSparse(value: Json | Sparse): value is Sparse {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
