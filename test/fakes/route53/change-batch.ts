import type { ResourceRecordSet, RRType } from '@aws-sdk/client-route-53';
import { parseName } from '../../../src/dns/name.ts';
import { parseRdata } from '../../../src/dns/records/catalogue.ts';
import { parseType } from '../../../src/dns/types.ts';
import { COUNTRIES } from '../../../src/routing/countries.ts';
import { InvalidInput } from './refused.ts';
import { type ApiSet, apiName, type Policy, policiesOf, sameApiSet } from './sets.ts';

/**
 * What ChangeResourceRecordSets takes and refuses, after the API reference and the Developer Guide; the messages are those that the service
 * is known to give. Pure: all or nothing is the caller's to keep.
 */

export interface RequestedChange {
  readonly action: string;
  readonly set: Partial<ResourceRecordSet>;
}

export interface ZoneState {
  readonly id: string;
  /** `example.com.` */
  readonly origin: string;
  readonly sets: readonly ApiSet[];
}

export type Outcome =
  | { readonly sets: readonly ApiSet[] }
  /** InvalidChangeBatch, with everything that is wrong. */
  | { readonly messages: readonly string[] }
  | { readonly noSuchHealthCheck: string };

const TYPES: readonly string[] =
  'A AAAA CAA CNAME DS HTTPS MX NAPTR NS PTR SOA SPF SRV SSHFP SVCB TLSA TXT'.split(' ');
const CONTINENTS: readonly string[] = ['AF', 'AN', 'AS', 'EU', 'OC', 'NA', 'SA'];
/** "States and possessions" of the United States Postal Service, as far as they are states, and DC. */
const STATES: readonly string[] =
  'AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY'.split(
    ' ',
  );
const MAX_RECORDS = 1000;
const MAX_CHARACTERS = 32_000;
const MAX_WEIGHTED = 100;

/** @throws InvalidInput for what the service model does not allow */
export function applyChanges(
  zone: ZoneState,
  changes: readonly RequestedChange[],
  knowsHealthCheck: (id: string) => boolean,
): Outcome {
  if (changes.length === 0)
    throw new InvalidInput("Value at 'changeBatch.changes' must have length greater than or equal to 1");
  const parsed = changes.map((change, index) => checked(change, index));
  const limits = overLimits(parsed);
  if (limits.length > 0) return { messages: limits };
  const unknown = parsed
    .filter(({ action }) => action !== 'DELETE')
    .find(({ set }) => set.HealthCheckId !== undefined && !knowsHealthCheck(set.HealthCheckId));
  if (unknown?.set.HealthCheckId !== undefined) return { noSuchHealthCheck: unknown.set.HealthCheckId };

  let sets: readonly ApiSet[] = zone.sets;
  const messages: string[] = [];
  for (const change of parsed) {
    const problems = problemsOf(change, sets, zone);
    messages.push(...problems);
    if (problems.length === 0) sets = after(change, sets);
  }
  if (messages.length === 0) messages.push(...inconsistencies(sets, zone));
  return messages.length > 0 ? { messages } : { sets };
}

interface Checked {
  readonly action: 'CREATE' | 'DELETE' | 'UPSERT';
  readonly set: ApiSet;
}

function checked({ action, set }: RequestedChange, index: number): Checked {
  const at = `changeBatch.changes.${index + 1}.member`;
  if (action !== 'CREATE' && action !== 'DELETE' && action !== 'UPSERT') {
    throw new InvalidInput(
      `1 validation error detected: Value '${action}' at '${at}.action' failed to satisfy constraint: Member must satisfy enum value set: [CREATE, DELETE, UPSERT]`,
    );
  }
  const { Name, Type } = set;
  if (Name === undefined || Name === '' || Type === undefined)
    throw new InvalidInput(`Missing field 'Name' or 'Type' at '${at}'`);
  if (Name.length > 1024) throw new InvalidInput(`The name at '${at}' is too long`);
  if (!TYPES.includes(Type)) {
    throw new InvalidInput(
      `1 validation error detected: Value '${Type}' at '${at}.resourceRecordSet.type' failed to satisfy constraint: Member must satisfy enum value set: [${TYPES.join(', ')}]`,
    );
  }
  const where = `in Change with [Action=${action}, Name=${Name}, Type=${Type}, SetIdentifier=${set.SetIdentifier ?? 'null'}]`;
  within(set.TTL, 0, 2_147_483_647, `${at}.resourceRecordSet.tTL`);
  within(set.Weight, 0, 255, `${at}.resourceRecordSet.weight`);
  within(set.SetIdentifier?.length, 1, 128, `${at}.resourceRecordSet.setIdentifier`);
  within(set.HealthCheckId?.length, 1, 64, `${at}.resourceRecordSet.healthCheckId`);
  if (set.ResourceRecords !== undefined && set.ResourceRecords.length === 0)
    throw new InvalidInput(`ResourceRecords must have length greater than or equal to 1 ${where}`);
  const forms = [
    set.AliasTarget !== undefined,
    set.TTL !== undefined || set.ResourceRecords !== undefined,
    set.TrafficPolicyInstanceId !== undefined,
  ].filter(Boolean).length;
  const complete =
    set.AliasTarget !== undefined || (set.TTL !== undefined && set.ResourceRecords !== undefined);
  if (forms !== 1 || !complete) {
    throw new InvalidInput(
      `Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found ${forms > 1 ? 'more than one' : 'none'} ${where}`,
    );
  }
  const policies = policiesOf(set);
  if (policies.length > 1)
    throw new InvalidInput(
      `Invalid request: Expected exactly one of [Weight, Region, Failover, GeoLocation, MultiValueAnswer], but found more than one ${where}`,
    );
  if (policies.length === 1 && set.SetIdentifier === undefined)
    throw new InvalidInput(`Invalid request: Missing field 'SetIdentifier' ${where}`);
  if (policies.length === 0 && set.SetIdentifier !== undefined)
    throw new InvalidInput(
      `Invalid request: Expected exactly one of [Weight, Region, Failover, GeoLocation, MultiValueAnswer], but found none ${where}`,
    );
  if (set.Failover !== undefined && !['PRIMARY', 'SECONDARY'].includes(set.Failover))
    throw new InvalidInput(`Failover must be PRIMARY or SECONDARY ${where}`);
  if (
    set.MultiValueAnswer === true &&
    (set.AliasTarget !== undefined || ['CNAME', 'NS', 'SOA', 'DS'].includes(Type))
  )
    throw new InvalidInput(
      `Invalid request: MultiValueAnswer is not possible for an alias or type ${Type} ${where}`,
    );
  if (
    set.Failover !== undefined &&
    set.AliasTarget !== undefined &&
    set.AliasTarget.EvaluateTargetHealth !== true
  )
    throw new InvalidInput(
      `Invalid request: EvaluateTargetHealth must be true for failover alias records ${where}`,
    );
  if (policies.length > 0 && ['NS', 'SOA', 'DS'].includes(Type))
    throw new InvalidInput(`Invalid request: records of type ${Type} have no routing policy ${where}`);
  checkGeo(set, where);
  const alias = set.AliasTarget;
  return {
    action,
    set: {
      ...set,
      Name: apiName(Name),
      Type,
      ...(alias === undefined
        ? {}
        : {
            AliasTarget: {
              HostedZoneId: alias.HostedZoneId,
              DNSName: apiName(alias.DNSName ?? ''),
              EvaluateTargetHealth: alias.EvaluateTargetHealth,
            },
          }),
    },
  };
}

function within(value: number | undefined, least: number, most: number, at: string): void {
  if (value === undefined || (value >= least && value <= most)) return;
  throw new InvalidInput(
    `1 validation error detected: Value '${value}' at '${at}' failed to satisfy constraint: Member must have value ${value < least ? `greater than or equal to ${least}` : `less than or equal to ${most}`}`,
  );
}

/** The documented codes: continents alone; `*`; ISO 3166-1 countries; states of the United States with US. */
function checkGeo({ GeoLocation: geo }: Partial<ResourceRecordSet>, where: string): void {
  if (geo === undefined) return;
  const { ContinentCode, CountryCode, SubdivisionCode } = geo;
  if (ContinentCode !== undefined) {
    if (CountryCode !== undefined || SubdivisionCode !== undefined)
      throw new InvalidInput(
        `Specifying ContinentCode with either CountryCode or SubdivisionCode is an error ${where}`,
      );
    if (!CONTINENTS.includes(ContinentCode))
      throw new InvalidInput(`No such continent ${ContinentCode} ${where}`);
    return;
  }
  if (CountryCode === undefined) throw new InvalidInput(`A GeoLocation without a place ${where}`);
  // XK is not in ISO 3166-1.
  if (CountryCode !== '*' && (!COUNTRIES.has(CountryCode) || CountryCode === 'XK'))
    throw new InvalidInput(`No such country ${CountryCode} ${where}`);
  if (SubdivisionCode !== undefined && (CountryCode !== 'US' || !STATES.includes(SubdivisionCode)))
    throw new InvalidInput(`No such subdivision ${CountryCode}-${SubdivisionCode} ${where}`);
}

function overLimits(changes: readonly Checked[]): readonly string[] {
  let records = 0;
  let characters = 0;
  for (const { action, set } of changes) {
    const times = action === 'UPSERT' ? 2 : 1;
    records += times * (set.ResourceRecords?.length ?? 1);
    for (const { Value } of set.ResourceRecords ?? []) characters += times * (Value?.length ?? 0);
  }
  return [
    ...(records > MAX_RECORDS ? [`Number of records limit of ${MAX_RECORDS} exceeded.`] : []),
    ...(characters > MAX_CHARACTERS ? [`Number of characters limit of ${MAX_CHARACTERS} exceeded.`] : []),
  ];
}

function problemsOf({ action, set }: Checked, sets: readonly ApiSet[], zone: ZoneState): readonly string[] {
  const there = sets.find((one) => sameKey(one, set));
  const label = `[name='${set.Name}', type='${set.Type}'${set.SetIdentifier === undefined ? '' : `, set identifier='${set.SetIdentifier}'`}]`;
  if (!(set.Name === zone.origin || set.Name.endsWith(`.${zone.origin}`)))
    return [`RRSet with DNS name ${set.Name} is not permitted in zone ${zone.origin}`];
  if (action === 'DELETE') {
    if (set.Name === zone.origin && set.Type === 'SOA')
      return ['A HostedZone must contain exactly one SOA record.'];
    if (set.Name === zone.origin && set.Type === 'NS')
      return ['A HostedZone must contain at least one NS record for the zone itself.'];
    if (there === undefined) return [`Tried to delete resource record set ${label} but it was not found`];
    if (!sameApiSet(there, set))
      return [
        `Tried to delete resource record set ${label} but the values provided do not match the current values`,
      ];
    return [];
  }
  if (action === 'CREATE' && there !== undefined)
    return [`Tried to create resource record set ${label} but it already exists`];
  return [
    ...valueProblems(set),
    ...policyProblems(
      set,
      sets.filter((one) => one !== there),
    ),
    ...nameProblems(set, sets, zone),
    ...aliasProblems(set, sets, zone),
  ];
}

function valueProblems(set: ApiSet): readonly string[] {
  const values = (set.ResourceRecords ?? []).map(({ Value }) => Value ?? '');
  const code = parseType(set.Type) ?? 0;
  const problems = values.flatMap((value) => {
    if (value.length > 4000)
      return [`Invalid Resource Record: 'FATAL problem: ValueTooLong (Value is too long)'`];
    if ((set.Type === 'TXT' || set.Type === 'SPF') && !value.startsWith('"'))
      return [
        `Invalid Resource Record: 'FATAL problem: InvalidCharacterString (Value should be enclosed in quotation marks) encountered with '${value}''`,
      ];
    try {
      parseRdata(code, decimal(value), parseName('.'));
      return [];
    } catch {
      return [
        `Invalid Resource Record: 'FATAL problem: ${set.Type}RRDATANotValid (Value is not valid for the type) encountered with '${value}''`,
      ];
    }
  });
  const twice = values.filter((value, index) => values.indexOf(value) !== index);
  return [
    ...problems,
    ...twice.map((value) => `Duplicate Resource Record: '${value}'`),
    ...(['CNAME', 'SOA'].includes(set.Type) && values.length > 1
      ? [`Too many resource records for DNS name ${set.Name} of type ${set.Type}`]
      : []),
  ];
}

/** Octal escapes as the parser wants them. */
function decimal(value: string): string {
  return value.replace(
    /\\([0-3][0-7]{2})/g,
    (_, octal: string) => `\\${String(Number.parseInt(octal, 8)).padStart(3, '0')}`,
  );
}

const KIND: Readonly<Record<Policy, string>> = {
  simple: 'simple',
  Weight: 'weighted',
  Region: 'latency',
  Failover: 'failover',
  GeoLocation: 'geolocation',
  GeoProximityLocation: 'geoproximity',
  CidrRoutingConfig: 'CIDR',
  MultiValueAnswer: 'multivalue answer',
};

function policyOf(set: ResourceRecordSet): Policy {
  return policiesOf(set)[0] ?? 'simple';
}

/** One policy kind per name and type, and what must be unique within it. */
function policyProblems(set: ApiSet, others: readonly ApiSet[]): readonly string[] {
  const group = others.filter((one) => one.Name === set.Name && one.Type === set.Type);
  if (group.length === 0) return [];
  const policy = policyOf(set);
  const label = `RRSet with DNS name ${set.Name}, type ${set.Type}`;
  if (policy === 'simple')
    return [`${label} cannot be created as other RRSets exist with the same name and type.`];
  const identified = `${label}, SetIdentifier ${set.SetIdentifier ?? ''}`;
  if (group.some((one) => policyOf(one) !== policy))
    return [
      `${identified} cannot be created as a non-${KIND[policy]} set exists with the same name and type.`,
    ];
  if (policy === 'Weight' && group.length >= MAX_WEIGHTED)
    return [
      `${identified} cannot be created: at most ${MAX_WEIGHTED} weighted sets have the same name and type.`,
    ];
  const same =
    policy === 'Failover'
      ? group.find((one) => one.Failover === set.Failover)
      : policy === 'GeoLocation'
        ? group.find((one) => JSON.stringify(placeOf(one)) === JSON.stringify(placeOf(set)))
        : undefined;
  if (same !== undefined)
    return [
      `${identified} cannot be created as a ${KIND[policy]} set with the same ${policy} exists: ${same.SetIdentifier ?? ''}.`,
    ];
  return [];
}

function placeOf({ GeoLocation: geo }: ResourceRecordSet): readonly (string | null)[] {
  return [geo?.ContinentCode ?? null, geo?.CountryCode ?? null, geo?.SubdivisionCode ?? null];
}

function nameProblems(set: ApiSet, sets: readonly ApiSet[], zone: ZoneState): readonly string[] {
  const sameName = sets.filter((one) => one.Name === set.Name);
  if (set.Type === 'CNAME') {
    if (set.Name === zone.origin)
      return [
        `RRSet of type CNAME with DNS name ${set.Name} is not permitted at apex in zone ${zone.origin}`,
      ];
    if (sameName.some((one) => one.Type !== 'CNAME'))
      return [
        `RRSet of type CNAME with DNS name ${set.Name} is not permitted as it conflicts with other records with the same DNS name in zone ${zone.origin}`,
      ];
  } else if (sameName.some((one) => one.Type === 'CNAME')) {
    return [
      `RRSet of type ${set.Type} with DNS name ${set.Name} is not permitted because a conflicting RRSet of type CNAME with the same DNS name already exists in zone ${zone.origin}`,
    ];
  }
  if (set.Type === 'SOA' && set.Name !== zone.origin)
    return [
      `RRSet of type SOA with DNS name ${set.Name} is not permitted below the apex in zone ${zone.origin}`,
    ];
  if (set.Type === 'NS' && set.Name.startsWith('\\052.'))
    return [`RRSet of type NS with DNS name ${set.Name} is not permitted: it is a wildcard`];
  if (set.Type === 'DS' && set.Name === zone.origin)
    return [`RRSet of type DS with DNS name ${set.Name} is not permitted at apex in zone ${zone.origin}`];
  return [];
}

function aliasProblems(set: ApiSet, sets: readonly ApiSet[], zone: ZoneState): readonly string[] {
  const alias = set.AliasTarget;
  if (alias === undefined) return [];
  const target = alias.DNSName ?? '';
  const head = `Tried to create an alias that targets ${target}, type ${set.Type} in zone ${alias.HostedZoneId ?? ''},`;
  if (set.Type === 'NS' || set.Type === 'SOA') return [`${head} but aliases have no type ${set.Type}`];
  if (alias.HostedZoneId !== zone.id) return [`${head} but that target was not found`];
  if (!(target === zone.origin || target.endsWith(`.${zone.origin}`)))
    return [`${head} but the alias target name does not lie within the target zone`];
  if (target === set.Name) return [`${head} but an alias cannot target itself`];
  if (!sets.some((one) => one.Name === target && one.Type === (set.Type satisfies RRType)))
    return [`${head} but that target was not found`];
  return [];
}

function after({ action, set }: Checked, sets: readonly ApiSet[]): readonly ApiSet[] {
  const others = sets.filter((one) => !sameKey(one, set));
  return action === 'DELETE' ? others : [...others, set];
}

/** What must hold when all changes are made. */
function inconsistencies(sets: readonly ApiSet[], zone: ZoneState): readonly string[] {
  const known = new Set(sets.map((set) => `${set.Name} ${set.Type}`));
  const before = new Set(zone.sets.map((set) => `${set.Name} ${set.Type}`));
  const dangling = sets
    .filter(({ AliasTarget: alias, Type }) => {
      const target = `${alias?.DNSName ?? ''} ${Type}`;
      return alias !== undefined && before.has(target) && !known.has(target);
    })
    .map(
      (set) =>
        `The target ${set.AliasTarget?.DNSName ?? ''} of the alias with DNS name ${set.Name} would be gone.`,
    );
  const ttls = new Map<string, number>();
  const mixed: string[] = [];
  for (const set of sets) {
    if (set.Weight === undefined || set.TTL === undefined) continue;
    const key = `${set.Name} ${set.Type}`;
    const ttl = ttls.get(key);
    if (ttl !== undefined && ttl !== set.TTL)
      mixed.push(`Weighted RRSets with DNS name ${set.Name}, type ${set.Type} must have the same TTL.`);
    ttls.set(key, set.TTL);
  }
  return [...dangling, ...mixed];
}

function sameKey(a: ApiSet, b: ApiSet): boolean {
  return a.Name === b.Name && a.Type === b.Type && a.SetIdentifier === b.SetIdentifier;
}
