import { PortolanError } from '../errors/error.ts';
import type { ClientAddress } from './client.ts';
import { type DomainName, isAtOrBelow, parentOf } from './name.ts';
import { codeOf, type Rdata } from './records/catalogue.ts';
import type { RoutedAnswer, RoutedName } from './routed.ts';
import { momentaryRRset, type OwnedRRset, type RRset } from './rrset.ts';
import type { AnswerTable } from './table.ts';
import { CLASS, RCODE, TYPE, typeName } from './types.ts';
import type { Query } from './wire/query.ts';
import type { Response } from './wire/response.ts';
import { findSet, type Zone, type ZoneNode } from './zone.ts';

/** An answer and what led to it. */
export interface Decision extends Response {
  /** The zone that answered; `undefined` when none did. */
  readonly zone: Zone | undefined;
  /**
   * The node the answer comes from: the name asked for, the wildcard that stood in for it, the cut of a referral, or the origin
   * for a name that does not exist. So many as the zone has, however many names are asked for; `undefined` without a zone.
   */
  readonly source: DomainName | undefined;
  /** What a routed name threw, when that is why the answer is SERVFAIL. */
  readonly failure?: unknown;
}

const MAX_ALIASES = 12; // longer chains are mistakes; the client gets what was found so far

/** "RFC8482" and an empty string: the answer to ANY (RFC 8482 section 4.2). */
const ANY_ANSWER: RRset = momentaryRRset(TYPE.HINFO, 3600, [
  { type: 'HINFO', cpu: new Uint8Array(Buffer.from('RFC8482', 'latin1')), os: new Uint8Array() },
]);

const NONE: readonly OwnedRRset[] = [];

/**
 * The answer to a query: RFC 1034 section 4.3.2 with wildcards (RFC 4592), delegations, aliases inside the zone (the response
 * code is that of the last name, RFC 6604), negative answers (RFC 2308) and minimal ANY (RFC 8482). Pure but for what routed
 * names do.
 * @param client what routing goes by; see `clientOfQuery`
 */
export function respond(table: AnswerTable, query: Query, client: ClientAddress): Decision {
  if (query.problem !== RCODE.NOERROR) return bare(query.problem);
  if (query.class !== CLASS.IN) return bare(RCODE.REFUSED);
  switch (query.type) {
    case TYPE.AXFR:
    case TYPE.IXFR:
      return bare(RCODE.REFUSED);
    case TYPE.MAILA:
    case TYPE.MAILB:
      return bare(RCODE.NOTIMP);
    case TYPE.OPT:
    case TYPE.TSIG:
    case TYPE.TKEY:
    case TYPE.NXNAME: // RFC 9824 section 3.4: it stands in the bitmap of NSEC records only
      return bare(RCODE.FORMERR);
    default:
  }
  let zone = table.zoneFor(query.name);
  if (zone !== undefined && query.type === TYPE.DS && query.name === zone.origin) {
    zone = table.zoneAbove(zone.origin) ?? zone;
  }
  if (zone === undefined) return bare(RCODE.REFUSED);
  return new Search(zone, query.type, client).run(query.name);
}

/** One walk through a zone. */
class Search {
  readonly #zone: Zone;
  readonly #type: number;
  readonly #client: ClientAddress;
  readonly #answer: OwnedRRset[] = [];
  #scope = 0;
  #source: DomainName;

  constructor(zone: Zone, type: number, client: ClientAddress) {
    this.#zone = zone;
    this.#source = zone.origin;
    this.#type = type;
    this.#client = client;
  }

  run(question: DomainName): Decision {
    const zone = this.#zone;
    const type = this.#type;
    let name = question;
    for (let aliases = 0; aliases <= MAX_ALIASES; aliases += 1) {
      let node = zone.nodes.get(name);
      if (node === undefined) {
        const encloser = closestEncloser(zone, name);
        if (encloser.cut !== undefined) return this.#referral(encloser.cut);
        node = encloser.wildcard;
        if (node === undefined) return this.#negative(RCODE.NXDOMAIN, zone.negativeSoa);
      } else if (node.cut !== undefined && !(node.cut === node && type === TYPE.DS)) {
        return this.#referral(node.cut);
      }
      if (aliases === 0) this.#source = node.name;

      if (type === TYPE.ANY) return this.#any(node, name);
      const set = findSet(node, type);
      if (set !== undefined) {
        this.#answer.push({ owner: name, set });
        return this.#done(type === TYPE.NS ? addressesOf(zone, set) : NONE);
      }
      let target: DomainName | undefined;
      const { routed } = node;
      if (standsBesideAliases(type)) return this.#negative(RCODE.NOERROR, zone.negativeSoa);
      if (routed !== undefined && (routed.types.has(type) || routed.types.has(TYPE.CNAME))) {
        const outcome = this.#ask(routed, name);
        if ('rcode' in outcome) return outcome;
        target = outcome.target;
        if (target === undefined) return this.#done(NONE);
      } else if (node.cname !== undefined) {
        this.#answer.push({ owner: name, set: node.cname });
        target = aliasTarget(node.cname.records);
      } else {
        return this.#negative(RCODE.NOERROR, zone.negativeSoa);
      }
      if (
        target === undefined ||
        type === TYPE.CNAME ||
        !isAtOrBelow(target, zone.origin) ||
        this.#visited(target, question)
      ) {
        return this.#done(NONE);
      }
      name = target;
    }
    return this.#done(NONE);
  }

  /** Asks a routed name; `target` is set when it answered with an alias to follow. */
  #ask(routed: RoutedName, name: DomainName): Decision | { readonly target: DomainName | undefined } {
    const type = this.#type === TYPE.ANY ? TYPE.A : this.#type;
    let given: RoutedAnswer;
    try {
      given = routed.answer({ name, type, client: this.#client });
    } catch (failure) {
      return { ...bare(RCODE.SERVFAIL), zone: this.#zone, failure };
    }
    if (given.servfail === true) return { ...bare(RCODE.SERVFAIL), zone: this.#zone };
    this.#scope = Math.max(this.#scope, given.ecsScope); // the whole answer is the same only where every part is
    const [first] = given.records;
    if (first === undefined) {
      // The name may have an answer again as soon as the decision can change.
      const soa = this.#zone.negativeSoa;
      const ttlSeconds = Math.min(soa.ttlSeconds, given.ttlSeconds);
      return this.#negative(RCODE.NOERROR, ttlSeconds === soa.ttlSeconds ? soa : { ...soa, ttlSeconds });
    }
    const expected = first.type === 'CNAME' && routed.types.has(TYPE.CNAME) ? TYPE.CNAME : type;
    if (codeOf(first) !== expected) {
      const failure = new PortolanError(
        'INTERNAL',
        `${name} was routed to a ${typeName(codeOf(first))} record, which is not ${typeName(expected)}`,
      );
      return { ...bare(RCODE.SERVFAIL), zone: this.#zone, failure };
    }
    if (first.type === 'CNAME') {
      this.#answer.push({ owner: name, set: momentaryRRset(TYPE.CNAME, given.ttlSeconds, [first]) });
      return { target: first.target };
    }
    // The first record decides: a set has one type, so others of a mixed answer cannot stand beside it.
    const strangers = given.records.some((rdata) => codeOf(rdata) !== type);
    const records = strangers ? given.records.filter((rdata) => codeOf(rdata) === type) : given.records;
    this.#answer.push({ owner: name, set: momentaryRRset(type, given.ttlSeconds, records) });
    return { target: undefined };
  }

  #any(node: ZoneNode, name: DomainName): Decision {
    if (node.routed?.types.has(TYPE.CNAME)) {
      // An alias may be all there is, and RFC 8482 section 4.2 lets nothing be made up beside one.
      const outcome = this.#ask(node.routed, name);
      return 'rcode' in outcome ? outcome : this.#done(NONE);
    }
    if (node.cname !== undefined) this.#answer.push({ owner: name, set: node.cname });
    else if (node.sets.length > 0 || node.routed !== undefined)
      this.#answer.push({ owner: name, set: ANY_ANSWER });
    else return this.#negative(RCODE.NOERROR, this.#zone.negativeSoa);
    return this.#done(NONE);
  }

  #done(additional: readonly OwnedRRset[]): Decision {
    return {
      rcode: RCODE.NOERROR,
      authoritative: true,
      answer: this.#answer,
      authority: NONE,
      additional,
      requiredAdditional: 0,
      ecsScope: this.#scope,
      zone: this.#zone,
      source: this.#source,
    };
  }

  #negative(rcode: number, soa: RRset): Decision {
    return {
      rcode,
      authoritative: true,
      answer: this.#answer,
      authority: [{ owner: this.#zone.origin, set: soa }],
      additional: NONE,
      requiredAdditional: 0,
      ecsScope: this.#scope,
      zone: this.#zone,
      source: rcode === RCODE.NXDOMAIN ? this.#zone.origin : this.#source,
    };
  }

  #referral(cut: ZoneNode): Decision {
    const servers = findSet(cut, TYPE.NS);
    const authority = servers === undefined ? NONE : [{ owner: cut.name, set: servers }];
    const addresses = servers === undefined ? NONE : addressesOf(this.#zone, servers);
    const glue = addresses.filter(({ owner }) => isAtOrBelow(owner, cut.name));
    const helpful = addresses.filter(({ owner }) => !isAtOrBelow(owner, cut.name));
    return {
      rcode: RCODE.NOERROR,
      authoritative: this.#answer.length > 0, // AA speaks of the first owner name in the answer (RFC 1035 section 4.1.1)
      answer: this.#answer,
      authority,
      additional: [...glue, ...helpful],
      requiredAdditional: glue.length,
      ecsScope: this.#scope,
      zone: this.#zone,
      source: cut.name,
    };
  }

  /** The name was an owner in this chain already, so following it again would go round. */
  #visited(name: DomainName, question: DomainName): boolean {
    return name === question || this.#answer.some(({ owner }) => owner === name);
  }
}

/** A response without records. */
function bare(rcode: number): Decision {
  return {
    rcode,
    authoritative: false,
    answer: NONE,
    authority: NONE,
    additional: NONE,
    requiredAdditional: 0,
    ecsScope: 0,
    zone: undefined,
    source: undefined,
  };
}

/** The nearest name above that exists (RFC 4592 section 3.3.1); the apex always does. */
function closestEncloser(zone: Zone, name: DomainName): ZoneNode {
  for (let at = parentOf(name); at !== undefined; at = parentOf(at)) {
    const node = zone.nodes.get(at);
    if (node !== undefined) return node;
  }
  return zone.apex;
}

/** An alias does not stand for these types: its own name has them in a signed zone (RFC 4035 section 2.5). */
function standsBesideAliases(type: number): boolean {
  return type === TYPE.NSEC || type === TYPE.RRSIG;
}

function aliasTarget(records: readonly Rdata[]): DomainName | undefined {
  const [first] = records;
  return first?.type === 'CNAME' ? first.target : undefined;
}

/** Static addresses this zone has for the servers of an NS set. */
function addressesOf(zone: Zone, servers: RRset): readonly OwnedRRset[] {
  const found: OwnedRRset[] = [];
  for (const rdata of servers.records) {
    const node = rdata.type === 'NS' ? zone.nodes.get(rdata.target) : undefined;
    for (const set of node?.sets ?? []) {
      if (node !== undefined && (set.type === TYPE.A || set.type === TYPE.AAAA))
        found.push({ owner: node.name, set });
    }
  }
  return found;
}
