import { type DomainName, isAtOrBelow } from '../dns/name.ts';
import { formatRdata, parseRdata } from '../dns/records/catalogue.ts';
import { TYPE } from '../dns/types.ts';
import type { ZoneSpec } from '../resources/zone.ts';
import type { DsStatus } from '../resources/zone-dnssec-status.ts';
import type { CompileReport } from './compile-report.ts';
import type { RecordSet } from './record-set.ts';
import type { DesiredName } from './zone-plan.ts';

export interface DelegationInput {
  /** `namespace/name` of the Zone. */
  readonly zone: string;
  readonly spec: Pick<ZoneSpec, 'origin' | 'nameServers'>;
  readonly ttlSeconds: number;
  /** What the zone above should have now (`status.dnssec.ds`); empty: no DS. `undefined`: not known yet, so nothing is changed. */
  readonly ds: readonly DsStatus[] | undefined;
  /** Where it is published. */
  readonly provider: {
    /** `namespace/name` of the DNSProvider. */
    readonly name: string;
    /** Origin of its zone above. */
    readonly zone: DomainName;
    readonly ttl: { readonly minSeconds: number; readonly maxSeconds: number };
    readonly unsupportedTypes: readonly { readonly type: string; readonly reason: string }[];
  };
}

export interface Delegation {
  readonly desired: DesiredName;
  readonly report: CompileReport;
  /** What a person has to do by hand. */
  readonly problem?: string;
}

/** The zone of a DNSProvider that is the closest above an origin; the origin itself cannot be delegated there. */
export function zoneAbove<Z extends { readonly origin: DomainName }>(
  origin: DomainName,
  zones: readonly Z[],
): Z | undefined {
  return zones
    .filter((zone) => zone.origin !== origin && isAtOrBelow(origin, zone.origin))
    .sort((a, b) => b.origin.length - a.origin.length)[0];
}

/**
 * Delegates an embedded zone from the zone above it at a provider: NS, the addresses of name servers that lie in the zone (glue, RFC 1034
 * section 4.2.1), and DS while the zone's keys ask for one (RFC 4035 section 2.4). Glue comes first, so that no resolver finds name servers
 * without addresses.
 */
export function delegationOf({ zone, spec, ttlSeconds, ds, provider }: DelegationInput): Delegation {
  const { origin, nameServers } = spec;
  const ttl = Math.min(provider.ttl.maxSeconds, Math.max(provider.ttl.minSeconds, ttlSeconds));
  const set = (name: DomainName, type: string, values: readonly string[]): readonly RecordSet[] =>
    values.length === 0
      ? []
      : [{ name, type, setId: '', ttlSeconds: ttl, values: [...new Set(values)].sort() }];

  const glue = nameServers
    .filter(({ name }) => isAtOrBelow(name, origin))
    .flatMap(({ name, addresses }) => [
      ...set(
        name,
        'A',
        addresses.filter((address) => !address.includes(':')),
      ),
      ...set(
        name,
        'AAAA',
        addresses
          .filter((address) => address.includes(':'))
          .map((address) => formatRdata(parseRdata(TYPE.AAAA, address))),
      ),
    ]);
  const noDs = provider.unsupportedTypes.find(({ type }) => type === 'DS');
  const texts = (ds ?? []).map((one) =>
    formatRdata(parseRdata(TYPE.DS, `${one.keyTag} ${one.algorithm} ${one.digestType} ${one.digest}`)),
  );
  const sets = [
    ...glue,
    ...set(
      origin,
      'NS',
      nameServers.map(({ name }) => name),
    ),
    ...(noDs === undefined ? set(origin, 'DS', texts) : []),
  ];
  return {
    desired: {
      name: origin,
      resource: `zone/${zone}`,
      sets: ds === undefined ? undefined : sets,
      types: noDs === undefined ? ['NS', 'DS'] : ['NS'],
      shared: false,
    },
    report: {
      hostname: origin,
      provider: provider.name,
      zone: provider.zone,
      outcome: 'delegated',
      features: [],
      hubDown:
        'While the hub is away the name servers go on answering with all that the policies say, and fail over between clusters.',
    },
    ...(noDs === undefined || texts.length === 0
      ? {}
      : {
          problem: `${provider.name} cannot hold the DS records of ${origin}: ${noDs.reason} Until somebody publishes them in ${provider.zone} the zone is not validated: ${texts.join('; ')}`,
        }),
  };
}
