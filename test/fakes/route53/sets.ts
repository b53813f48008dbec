import { isDeepStrictEqual } from 'node:util';
import type { ResourceRecordSet } from '@aws-sdk/client-route-53';
import { InvalidInput } from './refused.ts';
import type { Content, Element } from './xml.ts';

/** A record set in the zone, as the API spells it: absolute lower-case name, octal escapes. */
export type ApiSet = ResourceRecordSet & {
  readonly Name: string;
  readonly Type: NonNullable<ResourceRecordSet['Type']>;
};

/** Members of the shape `ResourceRecordSet` of the service model, with how each is read. */
const MEMBERS: Readonly<
  Record<string, 'text' | 'number' | 'boolean' | 'geo' | 'alias' | 'records' | 'cidr'>
> = {
  Name: 'text',
  Type: 'text',
  SetIdentifier: 'text',
  Weight: 'number',
  Region: 'text',
  GeoLocation: 'geo',
  Failover: 'text',
  MultiValueAnswer: 'boolean',
  TTL: 'number',
  ResourceRecords: 'records',
  AliasTarget: 'alias',
  HealthCheckId: 'text',
  TrafficPolicyInstanceId: 'text',
  CidrRoutingConfig: 'cidr',
};

/** @throws InvalidInput */
export function readSet(element: Element): Partial<ResourceRecordSet> {
  const fields: Record<string, unknown> = {};
  for (const child of element.children) {
    const kind = MEMBERS[child.name];
    if (kind === undefined) throw new InvalidInput(`Unexpected element ${child.name} in ResourceRecordSet`);
    fields[child.name] = readMember(child, kind);
  }
  return fields;
}

function readMember(element: Element, kind: (typeof MEMBERS)[string]): unknown {
  switch (kind) {
    case 'text':
      return element.text;
    case 'number':
      return number(element);
    case 'boolean':
      return boolean(element);
    case 'geo':
      return members(element, ['ContinentCode', 'CountryCode', 'SubdivisionCode']);
    case 'cidr':
      return members(element, ['CollectionId', 'LocationName']);
    case 'alias': {
      const alias = members(element, ['HostedZoneId', 'DNSName', 'EvaluateTargetHealth']);
      for (const required of ['HostedZoneId', 'DNSName', 'EvaluateTargetHealth']) {
        if (alias[required] === undefined)
          throw new InvalidInput(`Missing field '${required}' in AliasTarget`);
      }
      const flag = element.children.find((child) => child.name === 'EvaluateTargetHealth');
      return { ...alias, EvaluateTargetHealth: flag !== undefined && boolean(flag) };
    }
    case 'records':
      return element.children.map((record) => {
        const [value, ...rest] = record.children;
        if (record.name !== 'ResourceRecord' || value?.name !== 'Value' || rest.length > 0)
          throw new InvalidInput('Each of ResourceRecords is a ResourceRecord with one Value');
        return { Value: value.text };
      });
    default:
      return undefined;
  }
}

function members(element: Element, allowed: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const child of element.children) {
    if (!allowed.includes(child.name))
      throw new InvalidInput(`Unexpected element ${child.name} in ${element.name}`);
    fields[child.name] = child.text;
  }
  return fields;
}

export function number(element: Element): number {
  if (!/^-?\d+$/.test(element.text)) throw new InvalidInput(`${element.name} is no number`);
  return Number(element.text);
}

export function boolean(element: Element): boolean {
  if (element.text !== 'true' && element.text !== 'false')
    throw new InvalidInput(`${element.name} is no boolean`);
  return element.text === 'true';
}

/** As ListResourceRecordSets gives it. */
export function writeSet(set: ApiSet): Content {
  return {
    Name: set.Name,
    Type: set.Type,
    SetIdentifier: set.SetIdentifier,
    Weight: set.Weight,
    Region: set.Region,
    GeoLocation: set.GeoLocation && {
      ContinentCode: set.GeoLocation.ContinentCode,
      CountryCode: set.GeoLocation.CountryCode,
      SubdivisionCode: set.GeoLocation.SubdivisionCode,
    },
    Failover: set.Failover,
    MultiValueAnswer: set.MultiValueAnswer,
    TTL: set.TTL,
    ResourceRecords: set.ResourceRecords && {
      ResourceRecord: set.ResourceRecords.map(({ Value }) => ({ Value })),
    },
    AliasTarget: set.AliasTarget && {
      HostedZoneId: set.AliasTarget.HostedZoneId,
      DNSName: set.AliasTarget.DNSName,
      EvaluateTargetHealth: set.AliasTarget.EvaluateTargetHealth,
    },
    HealthCheckId: set.HealthCheckId,
    CidrRoutingConfig: set.CidrRoutingConfig && {
      CollectionId: set.CidrRoutingConfig.CollectionId,
      LocationName: set.CidrRoutingConfig.LocationName,
    },
    TrafficPolicyInstanceId: set.TrafficPolicyInstanceId,
  };
}

/** One routing policy of a set; `simple` without any. */
export const POLICIES = [
  'Weight',
  'Region',
  'Failover',
  'GeoLocation',
  'GeoProximityLocation',
  'CidrRoutingConfig',
  'MultiValueAnswer',
] as const;
export type Policy = (typeof POLICIES)[number] | 'simple';

export function policiesOf(set: Partial<ResourceRecordSet>): readonly Policy[] {
  return POLICIES.filter((policy) => set[policy] !== undefined && set[policy] !== false);
}

/** "You must specify all the same values": TTL, routing, and the records in any order. */
export function sameApiSet(a: ResourceRecordSet, b: ResourceRecordSet): boolean {
  return isDeepStrictEqual(comparable(a), comparable(b));
}

function comparable(set: ResourceRecordSet): unknown {
  const { ResourceRecords, AliasTarget, MultiValueAnswer, ...rest } = set;
  return {
    ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)),
    ...(MultiValueAnswer === true ? { MultiValueAnswer } : {}),
    records: (ResourceRecords ?? []).map(({ Value }) => Value ?? '').sort(),
    alias: AliasTarget ?? null,
  };
}

/** A name in the one spelling that answers have: lower case, absolute, every octet outside a-z0-9-_ in octal. */
export function apiName(text: string): string {
  const octets: string[] = [];
  for (let i = 0; i < text.length; i += 1) {
    const octal = /^\\([0-3][0-7]{2})/.exec(text.slice(i, i + 4))?.[1];
    const char = octal === undefined ? text.charAt(i) : String.fromCharCode(Number.parseInt(octal, 8));
    if (octal !== undefined) i += 3;
    if (char === '.' && octal === undefined) octets.push('.');
    else if (/[a-z0-9_-]/i.test(char)) octets.push(char.toLowerCase());
    else octets.push(`\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
  }
  const name = octets.join('');
  return name.endsWith('.') ? name : `${name}.`;
}
