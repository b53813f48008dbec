import { PortolanError } from '../errors/error.ts';
import type { ClientAddress } from './client.ts';
import { type Decision, withoutRecords } from './decision.ts';
import { nsecAt, typesAt } from './dnssec/denial.ts';
import { type AnswerPart, signSection } from './dnssec/signed-sections.ts';
import type { ZoneSigner } from './dnssec/zone-signer.ts';
import { type DomainName, isAtOrBelow, redirected } from './name.ts';
import { codeOf } from './records/catalogue.ts';
import type { RoutedAnswer, RoutedName } from './routed.ts';
import { momentaryRRset, type RRset } from './rrset.ts';
import { RCODE, TYPE, typeName } from './types.ts';
import type { Query } from './wire/query.ts';
import { findSet, type Zone, type ZoneNode } from './zone.ts';
import {
  addressesOf,
  aliasTarget,
  closestEncloser,
  redirectionAt,
  signingOf,
  standsBesideAliases,
  unsignedPart,
} from './zone-lookup.ts';

const MAX_ALIASES = 12; // longer chains are mistakes; the client gets what was found so far

/** "RFC8482" and an empty string: the answer to ANY (RFC 8482 section 4.2). */
const ANY_ANSWER: RRset = momentaryRRset(TYPE.HINFO, 3600, [
  { type: 'HINFO', cpu: new Uint8Array(Buffer.from('RFC8482', 'latin1')), os: new Uint8Array() },
]);

const NONE: readonly AnswerPart[] = [];
const NO_TARGET = { target: undefined };

/** One walk through a zone, for one query. */
export class Search {
  readonly #zone: Zone;
  readonly #type: number;
  readonly #client: ClientAddress;
  /** Set when the answer is to have signatures. */
  readonly #signer: ZoneSigner | undefined;
  readonly #admit: ((unsigned: Decision) => boolean) | undefined;
  #wanted: boolean | undefined;
  readonly #compactOk: boolean;
  readonly #answer: AnswerPart[] = [];
  #scope = 0;
  #source: DomainName;
  #routed: RoutedName | undefined;

  constructor(
    zone: Zone,
    query: Query,
    client: ClientAddress,
    admit: ((unsigned: Decision) => boolean) | undefined,
  ) {
    this.#zone = zone;
    this.#admit = admit;
    this.#source = zone.origin;
    this.#type = query.type;
    this.#client = client;
    this.#signer = query.edns?.dnssecOk ? zone.signer : undefined;
    this.#compactOk = query.edns?.compactOk ?? false;
  }

  run(question: DomainName): Decision {
    const zone = this.#zone;
    const type = this.#type;
    let name = question;
    for (let aliases = 0; aliases <= MAX_ALIASES; aliases += 1) {
      let node = zone.nodes.get(name);
      let target: DomainName | undefined;
      let redirection: AnswerPart | undefined;
      if (node === undefined) {
        const encloser = closestEncloser(zone, name);
        if (encloser.cut !== undefined) return this.#referral(encloser.cut);
        redirection = redirectionAt(encloser);
        // Nothing lies below a DNAME, a wildcard neither (RFC 6672 section 2.4).
        node = redirection === undefined ? encloser.wildcard : encloser;
        if (node === undefined) return this.#nameError(name);
      } else if (node.cut !== undefined && !(node.cut.name === node.name && type === TYPE.DS)) {
        return this.#referral(node.cut);
      }

      if (aliases === 0) this.#source = node.name;

      if (redirection !== undefined) {
        target = this.#redirect(name, redirection);
        if (target === undefined) return this.#decide(RCODE.YXDOMAIN);
        if (type === TYPE.ANY) return this.#decide(RCODE.NOERROR);
      } else {
        if (type === TYPE.ANY) return this.#any(node, name);
        const made = this.#madeForSigning(node, name);
        if (made !== undefined) return made;
        const set = findSet(node, type);
        if (set !== undefined) {
          this.#found(node, name, set);
          return this.#decide(RCODE.NOERROR, NONE, type === TYPE.NS ? addressesOf(zone, set) : NONE);
        }
        const { routed } = node;
        if (standsBesideAliases(type)) return this.#negative(node, name);
        if (routed !== undefined && (routed.types.has(type) || routed.types.has(TYPE.CNAME))) {
          const outcome = this.#ask(routed, node, name);
          if ('rcode' in outcome) return outcome;
          target = outcome.target;
        } else if (node.cname !== undefined) {
          this.#found(node, name, node.cname);
          target = aliasTarget(node.cname.records);
        } else {
          return this.#negative(node, name);
        }
      }
      if (
        target === undefined ||
        type === TYPE.CNAME ||
        !isAtOrBelow(target, zone.origin) ||
        this.#visited(target, question)
      ) {
        break;
      }
      name = target;
    }
    return this.#decide(RCODE.NOERROR);
  }

  /** A set found at a node, under the name asked for: that of the node, or one that its wildcard stands for. */
  #found(node: ZoneNode, owner: DomainName, set: RRset, originalTtlSeconds = set.ttlSeconds): void {
    this.#answer.push({ owner, set, originalTtlSeconds, signing: signingOf(node, owner) });
  }

  /**
   * Follows a DNAME: its set, and the CNAME that it means for this name (RFC 6672 section 3.1).
   * @returns undefined when the name would be too long
   */
  #redirect(name: DomainName, redirection: AnswerPart): DomainName | undefined {
    const { owner, set } = redirection;
    if (!this.#answer.some((part) => part.owner === owner && part.set.type === TYPE.DNAME))
      this.#answer.push(redirection);
    const rdata = set.records.find((each) => each.type === 'DNAME');
    const target = rdata && redirected(name, owner, rdata.target);
    if (target === undefined) return undefined;
    const cname = momentaryRRset(TYPE.CNAME, set.ttlSeconds, [{ type: 'CNAME', target }]);
    this.#answer.push({ owner: name, set: cname, originalTtlSeconds: set.ttlSeconds, signing: 'none' });
    return target;
  }

  /** Asks a routed name; `target` is set when it answered with an alias to follow. */
  #ask(
    routed: RoutedName,
    node: ZoneNode,
    name: DomainName,
  ): Decision | { readonly target: DomainName | undefined } {
    const type = this.#type === TYPE.ANY ? TYPE.A : this.#type;
    let given: RoutedAnswer;
    try {
      given = routed.answer({ name, type, client: this.#client });
    } catch (failure) {
      return { ...withoutRecords(RCODE.SERVFAIL), zone: this.#zone, failure };
    }
    this.#scope = Math.max(this.#scope, given.ecsScope); // the whole answer is the same only where every part is
    if (given.set?.type === type) {
      this.#found(node, name, given.set, Math.max(given.ttlSeconds, given.fullTtlSeconds ?? 0));
      if (this.#answer.length === 1) this.#routed = routed;
      return NO_TARGET;
    }
    const [first] = given.records;
    // The name may have an answer again as soon as the decision can change.
    if (first === undefined) return this.#negative(node, name, given.ttlSeconds);
    const expected = first.type === 'CNAME' && routed.types.has(TYPE.CNAME) ? TYPE.CNAME : type;
    if (codeOf(first) !== expected) {
      const failure = new PortolanError(
        'INTERNAL',
        `${name} was routed to a ${typeName(codeOf(first))} record, which is not ${typeName(expected)}`,
      );
      return { ...withoutRecords(RCODE.SERVFAIL), zone: this.#zone, failure };
    }
    const { ttlSeconds } = given;
    const originalTtlSeconds = Math.max(ttlSeconds, given.fullTtlSeconds ?? 0);
    if (first.type === 'CNAME') {
      this.#found(node, name, momentaryRRset(TYPE.CNAME, ttlSeconds, [first]), originalTtlSeconds);
      return { target: first.target };
    }
    // The first record decides: a set has one type, so others of a mixed answer cannot stand beside it.
    const strangers = given.records.some((rdata) => codeOf(rdata) !== type);
    const records = strangers ? given.records.filter((rdata) => codeOf(rdata) === type) : given.records;
    this.#found(node, name, momentaryRRset(type, ttlSeconds, records), originalTtlSeconds);
    return { target: undefined };
  }

  #any(node: ZoneNode, name: DomainName): Decision {
    if (node.routed?.types.has(TYPE.CNAME)) {
      // An alias may be all there is, and RFC 8482 section 4.2 lets nothing be made up beside one.
      const outcome = this.#ask(node.routed, node, name);
      return 'rcode' in outcome ? outcome : this.#decide(RCODE.NOERROR);
    }
    if (node.cname !== undefined) this.#found(node, name, node.cname);
    else if (node.sets.length > 0 || node.routed !== undefined) this.#found(node, name, ANY_ANSWER);
    else return this.#negative(node, name);
    return this.#decide(RCODE.NOERROR);
  }

  /** The sets that a signed zone has for being signed: its keys, and NSEC and RRSIG at every name. */
  #madeForSigning(node: ZoneNode | undefined, name: DomainName): Decision | undefined {
    const { signer, origin, negativeSoa } = this.#zone;
    if (signer === undefined) return undefined;
    const presigned = name === origin ? signer.presigned.get(this.#type) : undefined;
    if (presigned !== undefined) {
      const { set, signatures } = presigned;
      const { ttlSeconds: originalTtlSeconds } = set;
      this.#answer.push({ owner: name, set, originalTtlSeconds, signing: 'zone', signatures });
      return this.#decide(RCODE.NOERROR);
    }
    if (this.#type !== TYPE.NSEC && this.#type !== TYPE.RRSIG) return undefined;
    const nsec = this.#denial(node, name, negativeSoa.ttlSeconds, undefined);
    if (this.#type === TYPE.NSEC) {
      this.#answer.push(nsec);
      return this.#decide(RCODE.NOERROR);
    }
    // Those of one set stand for all, as with ANY (RFC 8482 section 4.1): each would cost a signature.
    const { owner, set, originalTtlSeconds, signing } = nsec;
    const unsigned = this.#unsigned(RCODE.NOERROR, NONE, NONE);
    if (!this.#isWanted(unsigned)) return unsigned;
    const signatures = signer.signaturesOf(owner, set, originalTtlSeconds, signing === 'fleeting');
    if (signatures === undefined) return { ...withoutRecords(RCODE.SERVFAIL), zone: this.#zone };
    this.#answer.push({ owner, set: signatures, originalTtlSeconds, signing: 'none' });
    return this.#decide(RCODE.NOERROR);
  }

  #denial(
    node: ZoneNode | undefined,
    owner: DomainName,
    ttlSeconds: number,
    absent: number | undefined,
  ): AnswerPart {
    const zone = this.#zone;
    return {
      owner,
      set: nsecAt(owner, zone, typesAt(zone, node, absent), ttlSeconds),
      originalTtlSeconds: zone.negativeSoa.ttlSeconds,
      signing: node === undefined ? 'fleeting' : signingOf(node, owner),
    };
  }

  /** The name does not exist. With signatures the answer says so by what its NSEC has (RFC 9824 sections 3.1 and 5.1). */
  #nameError(name: DomainName): Decision {
    this.#source = this.#zone.origin;
    if (this.#signer === undefined) return this.#decide(RCODE.NXDOMAIN, [this.#soa()]);
    const made = this.#madeForSigning(undefined, name);
    if (made !== undefined) return made;
    const { ttlSeconds } = this.#zone.negativeSoa;
    const denial = this.#denial(undefined, name, ttlSeconds, undefined);
    return this.#decide(this.#compactOk ? RCODE.NXDOMAIN : RCODE.NOERROR, [this.#soa(), denial]);
  }

  /** The name exists, but not with this type. */
  #negative(node: ZoneNode, name: DomainName, maxTtlSeconds?: number): Decision {
    const soa = this.#soa(maxTtlSeconds);
    if (this.#signer === undefined) return this.#decide(RCODE.NOERROR, [soa]);
    const denial = this.#denial(node, name, soa.set.ttlSeconds, this.#type);
    return this.#decide(RCODE.NOERROR, [soa, denial]);
  }

  /** The SOA of a negative answer, which may be kept for less than the zone says. */
  #soa(maxTtlSeconds = Number.POSITIVE_INFINITY): AnswerPart {
    const { origin, soa, negativeSoa } = this.#zone;
    const set =
      maxTtlSeconds < negativeSoa.ttlSeconds ? { ...negativeSoa, ttlSeconds: maxTtlSeconds } : negativeSoa;
    return { owner: origin, set, originalTtlSeconds: soa.ttlSeconds, signing: 'zone' };
  }

  #referral(cut: ZoneNode): Decision {
    this.#source = cut.name;
    const servers = cut.sets.filter(({ type }) => type === TYPE.NS);
    const authority = servers.map((set) => unsignedPart(cut.name, set));
    if (this.#signer !== undefined) {
      // RFC 4035 section 3.1.4: the digest of the child's key, or that there is none.
      const set = findSet(cut, TYPE.DS);
      const { ttlSeconds } = this.#zone.negativeSoa;
      authority.push(
        set === undefined
          ? this.#denial(cut, cut.name, ttlSeconds, TYPE.DS)
          : { owner: cut.name, set, originalTtlSeconds: set.ttlSeconds, signing: 'zone' },
      );
    }
    const addresses = servers.flatMap((set) => addressesOf(this.#zone, set));
    const glue = addresses.filter(({ owner }) => isAtOrBelow(owner, cut.name));
    const helpful = addresses.filter(({ owner }) => !isAtOrBelow(owner, cut.name));
    const decision = this.#decide(RCODE.NOERROR, authority, [...glue, ...helpful]);
    // AA speaks of the first owner name in the answer (RFC 1035 section 4.1.1).
    if (decision.rcode !== RCODE.NOERROR) return decision;
    return { ...decision, authoritative: this.#answer.length > 0, requiredAdditional: glue.length };
  }

  /** An authoritative answer of what was found so far, signed if it is to be. */
  #decide(
    rcode: number,
    authority: readonly AnswerPart[] = NONE,
    additional: readonly AnswerPart[] = NONE,
  ): Decision {
    const zone = this.#zone;
    const signer = this.#signer;
    const decision = this.#unsigned(rcode, authority, additional);
    if (signer === undefined || !this.#isWanted(decision)) return decision;
    const signedAnswer = signSection(this.#answer, signer);
    const signedAuthority = signSection(authority, signer);
    const signedAdditional = signSection(additional, signer, true);
    // Another server may have time for it; resolvers keep a failure for a while (RFC 9520), so a flood of them is damped.
    if (signedAnswer === undefined || signedAuthority === undefined || signedAdditional === undefined)
      return { ...withoutRecords(RCODE.SERVFAIL), zone };
    return { ...decision, answer: signedAnswer, authority: signedAuthority, additional: signedAdditional };
  }

  #unsigned(rcode: number, authority: readonly AnswerPart[], additional: readonly AnswerPart[]): Decision {
    return {
      rcode,
      authoritative: true,
      answer: this.#answer,
      authority,
      additional,
      requiredAdditional: 0,
      ecsScope: this.#scope,
      zone: this.#zone,
      source: this.#source,
      routed: this.#routed,
    };
  }

  /** Whether an answer will be sent, and so is worth signing. Asked once for each query: it is counted. */
  #isWanted(unsigned: Decision): boolean {
    this.#wanted ??= this.#admit?.(unsigned) ?? true;
    return this.#wanted;
  }

  /** The name was an alias in this chain already, so following it again would go round. */
  #visited(name: DomainName, question: DomainName): boolean {
    return (
      name === question || this.#answer.some(({ owner, set }) => owner === name && set.type === TYPE.CNAME)
    );
  }
}
