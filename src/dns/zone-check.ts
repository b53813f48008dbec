import type { FieldViolation } from '../errors/error.ts';
import { type DomainName, isAtOrBelow, isWildcard, parentOf, wildcardUnder } from './name.ts';
import type { Rdata } from './records/catalogue.ts';
import { wireSizeOf } from './rrset.ts';
import { TYPE, typeName } from './types.ts';
import { conflict } from './zone-conflict.ts';
import { redirections } from './zone-redirections.ts';
import type { ReadSet, ReadZone } from './zone-source.ts';

/** The most a record set may take, so that it fits into one message over TCP with everything else an answer holds. */
const MAX_SET_OCTETS = 60_000;

/** What is wrong with the zone as a whole: each rule names the RFC that has it. */
export function checkZone(zone: ReadZone): readonly FieldViolation[] {
  const view = new View(zone);
  return [
    ...oneSetPerType(zone),
    ...apex(zone),
    ...signingRecords(zone),
    ...aliases(zone, view),
    ...redirections(zone),
    ...routedNames(zone, view),
    ...delegations(zone, view),
    ...glue(zone, view),
    ...sizes(zone),
  ];
}

/** The zone's names, for looking around. */
class View {
  readonly origin: DomainName;
  readonly sets = new Map<DomainName, ReadSet[]>();
  readonly routed = new Map<DomainName, ReadZone['routed'][number]>();
  readonly cuts: ReadonlySet<DomainName>;

  constructor(zone: ReadZone) {
    this.origin = zone.origin;
    for (const set of zone.sets) {
      const here = this.sets.get(set.owner);
      if (here === undefined) this.sets.set(set.owner, [set]);
      else here.push(set);
    }
    for (const entry of zone.routed) this.routed.set(entry.name, entry);
    this.cuts = new Set(
      zone.sets.filter((set) => set.type === TYPE.NS && set.owner !== zone.origin).map((set) => set.owner),
    );
  }

  at(name: DomainName): readonly ReadSet[] {
    return this.sets.get(name) ?? [];
  }

  /** The highest delegation at or above the name. */
  cutAbove(name: DomainName): DomainName | undefined {
    let found: DomainName | undefined;
    for (let at: DomainName | undefined = name; at !== undefined && at !== this.origin; at = parentOf(at)) {
      if (this.cuts.has(at)) found = at;
    }
    return found;
  }

  /** An address can be had for the name in this zone, also from a routed name or a wildcard. */
  hasAddress(name: DomainName): boolean {
    if (this.addressAt(name)) return true;
    if (this.sets.has(name) || this.routed.has(name)) return false;
    const parent = parentOf(name);
    return parent !== undefined && this.addressAt(wildcardUnder(parent));
  }

  private addressAt(name: DomainName): boolean {
    const types = this.routed.get(name)?.routed.types;
    if (types?.has(TYPE.A) || types?.has(TYPE.AAAA)) return true;
    return this.at(name).some((set) => set.type === TYPE.A || set.type === TYPE.AAAA);
  }
}

function* oneSetPerType(zone: ReadZone): Iterable<FieldViolation> {
  const seen = new Map<string, string>();
  for (const set of zone.sets) {
    const key = `${set.type} ${set.owner}`;
    const first = seen.get(key);
    if (first === undefined) {
      seen.set(key, set.path);
    } else {
      yield {
        path: set.path,
        code: 'DNS_RECORD_DUPLICATE',
        message: `${set.owner} has its ${typeName(set.type)} records at ${first} already`,
        fix: 'Put all data of one name and type into one entry.',
      };
    }
  }
  const names = new Map<DomainName, string>();
  for (const { name, path } of zone.routed) {
    const first = names.get(name);
    if (first !== undefined) {
      yield {
        path,
        code: 'DNS_RECORD_DUPLICATE',
        message: `${name} is routed by ${first} already`,
        fix: 'Route it once.',
      };
    }
    names.set(name, path);
  }
}

function* apex(zone: ReadZone): Iterable<FieldViolation> {
  for (const set of zone.sets) {
    if (set.type === TYPE.SOA) {
      yield conflict(
        set.path,
        'the SOA record is made by the zone itself',
        'Remove it; set `soa` of the zone instead.',
      );
    }
    if (set.type === TYPE.NS && set.owner === zone.origin && set.path !== 'nameServers') {
      yield conflict(
        set.path,
        'the NS records of the zone come from `nameServers`',
        'Remove it; add the servers to `nameServers`.',
      );
    }
    if (set.type === TYPE.NS && isWildcard(set.owner)) {
      yield conflict(
        set.path,
        'a wildcard cannot be delegated (RFC 4592 section 4.2)',
        'Delegate each name, or use other records.',
      );
    }
  }
}

/** Types that exist in a zone because it is signed: the name servers make them when they answer (RFC 4034). */
const MADE_BY_SIGNING: ReadonlySet<number> = new Set([
  TYPE.RRSIG,
  TYPE.NSEC,
  TYPE.DNSKEY,
  TYPE.NSEC3,
  TYPE.NSEC3PARAM,
  TYPE.CDS,
  TYPE.CDNSKEY,
]);

function* signingRecords(zone: ReadZone): Iterable<FieldViolation> {
  for (const set of zone.sets) {
    if (!MADE_BY_SIGNING.has(set.type)) continue;
    yield conflict(
      set.path,
      `${typeName(set.type)} records are made by the signing of the zone`,
      'Remove them; set `dnssec` of the zone to have it signed.',
    );
  }
}

/** RFC 1034 section 3.6.2, RFC 2181 section 10. */
function* aliases(zone: ReadZone, view: View): Iterable<FieldViolation> {
  for (const set of zone.sets) {
    if (set.type === TYPE.CNAME) {
      if (set.records.length > 1) {
        yield conflict(
          set.path,
          `${set.owner} has ${set.records.length} CNAME records; an alias has one target`,
          'Keep one.',
        );
      }
      const beside =
        set.owner === zone.origin
          ? 'SOA'
          : view.at(set.owner).find((other) => other.type !== TYPE.CNAME)?.type;
      if (beside !== undefined) {
        const what = typeof beside === 'string' ? beside : typeName(beside);
        yield conflict(
          set.path,
          `${set.owner} has a CNAME beside ${what} data; an alias stands alone`,
          'Remove one of the two.',
        );
      }
      if (aliasReturns(set.owner, view)) {
        yield conflict(
          set.path,
          `following the alias ${set.owner} leads back to it`,
          'Let one of the aliases end at an address.',
        );
      }
    }
    if (set.type !== TYPE.NS) continue;
    for (const { rdata, path } of set.records) {
      if (rdata.type === 'NS' && view.at(rdata.target).some((other) => other.type === TYPE.CNAME)) {
        yield conflict(
          path,
          `the name server ${rdata.target} is an alias (RFC 2181 section 10.3)`,
          'Name the server itself.',
        );
      }
    }
  }
}

function aliasReturns(start: DomainName, view: View): boolean {
  const seen = new Set<DomainName>();
  let name: DomainName | undefined = start;
  while (name !== undefined && !seen.has(name)) {
    seen.add(name);
    const rdata: Rdata | undefined = view.at(name).find((set) => set.type === TYPE.CNAME)?.records[0]?.rdata;
    name = rdata?.type === 'CNAME' ? rdata.target : undefined;
  }
  return name === start;
}

function* routedNames(zone: ReadZone, view: View): Iterable<FieldViolation> {
  for (const { name, routed, path } of zone.routed) {
    const alias = routed.types.has(TYPE.CNAME);
    for (const set of view.at(name)) {
      const clash =
        alias ||
        set.type === TYPE.CNAME ||
        set.type === TYPE.A ||
        set.type === TYPE.AAAA ||
        routed.types.has(set.type);
      if (set.type === TYPE.NS && name !== zone.origin) {
        yield conflict(
          set.path,
          `${name} is routed, so it cannot be delegated`,
          'Remove the NS records or the routing.',
        );
      } else if (clash) {
        yield conflict(
          set.path,
          `${name} is routed (${[...routed.types].map(typeName).join(', ')}), so it cannot have static ${typeName(set.type)} records`,
          'Remove the static records, or the name from its TrafficPolicy.',
        );
      }
    }
    if (alias && name === zone.origin) {
      yield conflict(
        path,
        `${name} is the zone itself, which cannot be an alias`,
        'Route it to endpoints with addresses.',
      );
    }
    const cut = view.cutAbove(name);
    if (cut !== undefined && cut !== name) {
      yield conflict(
        path,
        `${name} lies below the delegation ${cut}`,
        'Remove the NS records there, or the routing.',
      );
    }
  }
}

/** Below a delegation only addresses of its name servers make sense (RFC 1034 section 4.2.1); at it also DS. */
function* delegations(zone: ReadZone, view: View): Iterable<FieldViolation> {
  for (const set of zone.sets) {
    const cut = view.cutAbove(set.owner);
    if (set.type === TYPE.DS && cut === undefined) {
      yield conflict(
        set.path,
        `${set.owner} has DS records but is not delegated (RFC 4035 section 2.4)`,
        set.owner === zone.origin
          ? 'Put them into the zone above, at this name.'
          : 'Add the NS records of the delegation, or remove these.',
      );
    }
    if (cut === undefined) continue;
    const glueType = set.type === TYPE.A || set.type === TYPE.AAAA;
    const atCut =
      set.owner === cut && (set.type === TYPE.NS || set.type === TYPE.DS || set.type === TYPE.CNAME);
    if (glueType || atCut) continue;
    yield conflict(
      set.path,
      `${set.owner} lies at or below the delegation ${cut}, so its ${typeName(set.type)} records would never be answered`,
      'Put the records into the delegated zone, or remove the NS records.',
    );
  }
}

/** RFC 1034 section 4.2.1 and RFC 9471: who is to reach a server inside the zone needs its address from us. */
function* glue(zone: ReadZone, view: View): Iterable<FieldViolation> {
  for (const set of zone.sets) {
    if (set.type !== TYPE.NS) continue;
    for (const { rdata, path } of set.records) {
      if (rdata.type !== 'NS' || !isAtOrBelow(rdata.target, zone.origin)) continue;
      if (view.hasAddress(rdata.target)) continue;
      const cut = view.cutAbove(rdata.target);
      if (cut !== undefined && cut !== set.owner && set.owner !== zone.origin) continue; // another delegation's business
      yield {
        path,
        code: 'DNS_GLUE_MISSING',
        message: `the name server ${rdata.target} lies in the zone but has no address there`,
        fix: `Add an A or AAAA record for ${rdata.target}`,
      };
    }
  }
}

function* sizes(zone: ReadZone): Iterable<FieldViolation> {
  for (const set of zone.sets) {
    const size = wireSizeOf(set.records.map((record) => record.rdata));
    if (size > MAX_SET_OCTETS) {
      yield {
        path: set.path,
        code: 'DNS_RECORD_INVALID',
        message: `the ${typeName(set.type)} records of ${set.owner} take ${size} octets; at most ${MAX_SET_OCTETS} fit into an answer`,
        fix: 'Use fewer or shorter records.',
      };
    }
  }
}
