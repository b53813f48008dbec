import { isAtOrBelow } from '../../../src/dns/name.ts';
import { CLASS, TYPE } from '../../../src/dns/types.ts';
import type { ResourceRecord } from '../../../src/dns/wire/message.ts';
import { type Aspect, type Observed, recordText } from './compare.ts';
import type { Asked } from './random-queries.ts';

export type PeerName = 'knot' | 'bind';

export interface Case {
  readonly who: PeerName;
  readonly asked: Asked;
  readonly ours: Observed;
  readonly theirs: Observed;
}

/** A way in which we answer otherwise on purpose. */
export interface KnownDifference {
  readonly id: string;
  readonly who: PeerName | 'both';
  /** What each does. */
  readonly what: string;
  /** Why ours is right, or as good. */
  readonly why: string;
  readonly rfc: string;
  /** What of two answers it explains, where it applies. */
  readonly aspects: readonly Aspect[];
  /** As narrow as can be: what it lets pass is not looked at again. */
  applies(this: void, pair: Case): boolean;
}

const SECTIONS = ['answer', 'chain', 'authority', 'additional'] as const;
const WHOLE = ['rcode', 'aa', 'tc', ...SECTIONS] as const;

const HELPFUL: readonly number[] = [TYPE.A, TYPE.AAAA, TYPE.SVCB, TYPE.HTTPS, TYPE.CNAME];
const MINIMAL: readonly number[] = [TYPE.HINFO, TYPE.CNAME, TYPE.DNAME, TYPE.RRSIG];
const META_TYPES: readonly number[] = [TYPE.OPT, TYPE.TSIG, TYPE.TKEY, TYPE.MAILA, TYPE.MAILB, TYPE.NXNAME];

/** The first row that applies gets the credit: narrow rows stand before wide ones. */
export const DIFFERENCES: readonly KnownDifference[] = [
  {
    id: 'any',
    who: 'both',
    what: 'A query for ANY gets one HINFO record that names RFC 8482, or the alias that is there and nothing behind it; Knot gives the first set, BIND every set.',
    why: 'A forged query for everything is the best amplifier there is; nothing that works depends on the full answer.',
    rfc: 'RFC 8482 section 4.2',
    aspects: ['rcode', 'tc', 'denial', 'signatures', ...SECTIONS],
    applies: ({ asked, ours, theirs }) =>
      asked.type === TYPE.ANY &&
      ours.message?.rcode === 0 &&
      (theirs.message?.rcode === 0 || theirs.message?.rcode === 3) &&
      ours.message.answers.length > 0 &&
      ours.message.answers.every(({ type }) => MINIMAL.includes(type)),
  },
  {
    id: 'truncated',
    who: 'knot',
    what: 'An answer that does not fit has empty sections and TC; Knot sends the records that fit, and says NOERROR where it has not come to the end of the aliases.',
    why: 'A client that sees TC asks again over TCP and must not use what came; the empty answer is the smallest. BIND does the same.',
    rfc: 'RFC 2181 section 9',
    aspects: ['rcode', ...SECTIONS],
    applies: ({ ours, theirs }) =>
      ours.message?.flags.truncated === true &&
      theirs.message?.flags.truncated === true &&
      ours.message.answers.length + ours.message.authorities.length + ours.message.additionals.length === 0,
  },
  {
    id: 'room-for-options',
    who: 'bind',
    what: 'An answer that just fits is sent; BIND keeps some fifty octets free, and does not compress the longest names, and sets TC.',
    why: 'The answer fits, and a second query over TCP is saved. Knot does the same.',
    rfc: 'RFC 6891 section 6.2.5',
    aspects: ['tc', ...SECTIONS],
    applies: ({ asked, ours, theirs }) =>
      ours.message?.flags.truncated === false &&
      theirs.message?.flags.truncated === true &&
      (ours.size > 1232 - 52 || (ours.size > 512 - 52 && ours.size <= 512) || asked.name.length > 240),
  },
  {
    id: 'redirection-uncompressed',
    who: 'both',
    what: 'No name is shortened by a pointer into the data of a DNAME record; Knot and BIND do that, so that more fits.',
    why: 'A server that does not know the type cannot copy such a message piece by piece. It matters for very long names only.',
    rfc: 'RFC 3597 section 4',
    aspects: ['tc', ...SECTIONS],
    applies: ({ ours, theirs }) =>
      ours.message?.flags.truncated === true &&
      theirs.message?.flags.truncated === false &&
      theirs.message.answers[0]?.type === TYPE.DNAME,
  },
  {
    id: 'small-datagrams',
    who: 'bind',
    what: 'The addresses of name servers are given where they fit; BIND leaves them out when a client has EDNS with 512 octets or less.',
    why: 'They fit. What does not fit is left out in any case. Knot does the same.',
    rfc: 'RFC 2181 section 9',
    aspects: ['additional'],
    applies: ({ asked, ours, theirs }) =>
      asked.transport === 'udp' &&
      asked.udpSize !== undefined &&
      asked.udpSize <= 512 &&
      ours.message?.answers.some(({ type }) => type === TYPE.NS) === true &&
      theirs.message?.additionals.length === 0,
  },
  {
    id: 'cd',
    who: 'knot',
    what: 'The CD bit of the query is copied into the answer; Knot clears it.',
    why: 'The standard says that a name server copies it.',
    rfc: 'RFC 4035 section 3.1.6',
    aspects: ['cd'],
    applies: ({ ours, theirs }) =>
      ours.message?.flags.checkingDisabled === true && theirs.message?.flags.checkingDisabled === false,
  },
  {
    id: 'apex-ns',
    who: 'bind',
    what: 'A positive answer has no NS records of the zone in its authority section; BIND adds them, with their addresses.',
    why: 'A resolver that got here knows them. Knot, and BIND with `minimal-responses yes`, leave them out too.',
    rfc: 'RFC 1034 section 4.3.2 asks for no more than the answer',
    aspects: ['authority', 'additional'],
    applies: ({ ours, theirs }) =>
      ours.message?.authorities.length === 0 &&
      (theirs.message?.answers.length ?? 0) > 0 &&
      (theirs.message?.authorities ?? []).length > 0 &&
      (theirs.message?.authorities ?? []).every(
        ({ type, name }) =>
          type === TYPE.NS && theirs.message?.answers.some((answer) => isAtOrBelow(answer.name, name)),
      ) &&
      onlyAddressesMore(ours, theirs),
  },
  {
    id: 'helpful-addresses',
    who: 'both',
    what: 'MX, SRV, SVCB and HTTPS come without the addresses of their targets (and aliases, SVCB or HTTPS records there); Knot and BIND add those they have, BIND also the TLSA of mail servers.',
    why: 'A resolver checks and asks for itself; addresses of routed names depend on the client, so that they are given when asked for.',
    rfc: 'RFC 2181 section 5.4.1: additional data is the least trusted',
    aspects: ['additional'],
    applies: ({ ours, theirs }) => !isReferral(ours) && onlyAddressesMore(ours, theirs),
  },
  {
    id: 'referral-addresses',
    who: 'both',
    what: 'A referral has the addresses of every server of the delegation that this zone has; BIND leaves out those that are no glue.',
    why: 'They save the resolver a query; glue comes first, the rest is left out when there is no room.',
    rfc: 'RFC 9471 section 2.2',
    aspects: ['additional'],
    applies: ({ ours, theirs }) => {
      const [cut] = ours.message?.authorities ?? [];
      const [mine, others] = [ours, theirs].map(unsignedAdditionals);
      return (
        cut?.type === TYPE.NS &&
        ours.message?.flags.truncated === false &&
        missing(mine, others).every(({ type, name }) => isAddress(type) && !isAtOrBelow(name, cut.name)) &&
        missing(others, mine).length === 0
      );
    },
  },
  {
    id: 'alias-into-served-child',
    who: 'bind',
    what: 'An alias into a delegated zone is followed by the referral to it; BIND leaves it out when it serves that zone too.',
    why: 'The referral is what the zone of the alias has to say; which other zones a server happens to have changes nothing.',
    rfc: 'RFC 1034 section 4.3.2 step 3b',
    aspects: ['authority', 'additional', 'denial'],
    applies({ ours, theirs }) {
      const last = unsigned(ours.message?.answers).at(-1);
      const [cut] = ours.message?.authorities ?? [];
      return (
        last?.rdata.type === 'CNAME' &&
        cut?.type === TYPE.NS &&
        isAtOrBelow(last.rdata.target, cut.name) &&
        unsigned(theirs.message?.authorities).length === 0 &&
        theirs.message?.additionals.length === 0
      );
    },
  },
  {
    id: 'type-zero',
    who: 'knot',
    what: 'A query for type 0 is answered like one for any other type that is not there; Knot says NOTIMP.',
    why: 'The number is reserved, and a resolver learns more from an answer that it can keep. BIND does the same.',
    rfc: 'RFC 6895 section 3.1',
    aspects: WHOLE,
    applies: ({ asked, theirs }) => asked.type === 0 && theirs.message?.rcode === 4,
  },
  {
    id: 'redirection-too-long',
    who: 'knot',
    what: 'A redirection to a name of more than 255 octets is YXDOMAIN with the DNAME record; Knot says NXDOMAIN for some, and adds the SOA.',
    why: 'The name asked for may not be said not to exist. BIND does the same.',
    rfc: 'RFC 6672 section 2.2',
    aspects: [...WHOLE, 'denial'],
    applies: ({ ours }) =>
      ours.message?.rcode === 6 && unsigned(ours.message.answers).at(-1)?.type === TYPE.DNAME,
  },
  {
    id: 'chain-length-knot',
    who: 'knot',
    what: 'Up to 13 aliases are followed inside the zone; Knot follows five.',
    why: 'Both end with what was found so far, and the resolver goes on from there.',
    rfc: 'RFC 1034 section 3.6.2 sets no number',
    aspects: ['rcode', 'tc', 'denial', ...SECTIONS],
    applies({ ours, theirs }) {
      const [mine = [], followed = []] = [ours, theirs].map(({ message }) => unsigned(message?.answers));
      return (
        theirs.message?.rcode === 0 &&
        followed.length === 5 &&
        followed.every(({ type }) => type === TYPE.CNAME) &&
        (ours.message?.flags.truncated === true || missing(followed, mine).length === 0)
      );
    },
  },
  {
    id: 'chain-length-bind',
    who: 'bind',
    what: 'More than 13 aliases, or aliases that go round, give what was found; BIND gives SERVFAIL after eleven.',
    why: 'The aliases are true; the resolver counts them as well and stops by itself.',
    rfc: 'RFC 1034 section 3.6.2',
    aspects: ['rcode', 'aa', 'edns', 'denial', ...SECTIONS],
    applies: ({ theirs }) =>
      theirs.message?.rcode === 2 &&
      theirs.message.answers.filter(({ type }) => type === TYPE.CNAME).length > 0,
  },
  {
    id: 'extended-error',
    who: 'both',
    what: 'REFUSED says why in an extended error, for a name outside all zones as for a class or a transfer; Knot and BIND do so in other cases.',
    why: 'Optional, for people who look.',
    rfc: 'RFC 8914 section 2',
    aspects: ['edns'],
    applies: ({ ours, theirs }) =>
      ours.aspects.edns.replace(/15$/, '') === theirs.aspects.edns.replace(/15$/, ''),
  },
  {
    id: 'soa-ttl-zero',
    who: 'bind',
    what: 'A negative answer to a query for SOA has the SOA with its negative TTL; BIND gives it TTL 0.',
    why: 'Negative answers are kept for the time the zone says, whatever was asked for.',
    rfc: 'RFC 2308 section 3',
    aspects: ['authority'],
    applies: ({ asked, ours, theirs }) =>
      asked.type === TYPE.SOA &&
      ours.aspects.authority.replace(/^(\S+) \d+ SOA/, '$1 0 SOA') === theirs.aspects.authority,
  },
  {
    id: 'class',
    who: 'bind',
    what: 'Another class than IN is REFUSED; BIND says FORMERR or NOTIMP for NONE, ANY and unknown ones.',
    why: 'There is nothing wrong with the form of the query: it asks for what is not served here.',
    rfc: 'RFC 1035 section 4.1.1',
    aspects: ['rcode'],
    applies: ({ asked, ours, theirs }) =>
      asked.class !== CLASS.IN && ours.message?.rcode === 5 && [1, 4].includes(theirs.message?.rcode ?? 0),
  },
  {
    id: 'class-any',
    who: 'knot',
    what: 'Class ANY is REFUSED; Knot answers it from class IN.',
    why: 'What is found for class ANY can never be authoritative, and nobody asks for it but scanners. BIND does not answer either.',
    rfc: 'RFC 1035 section 3.2.5',
    aspects: WHOLE,
    applies: ({ asked, ours }) => asked.class === CLASS.ANY && ours.message?.rcode === 5,
  },
  {
    id: 'meta-types',
    who: 'knot',
    what: 'A query for OPT, TSIG, TKEY or NXNAME is FORMERR, one for MAILA or MAILB is NOTIMP; Knot looks for such records.',
    why: 'They exist in messages only, or not at all any more; they can never be data. BIND does the same.',
    rfc: 'RFC 6895 section 3.1, RFC 9824 section 3.5',
    aspects: WHOLE,
    applies: ({ asked, ours }) =>
      META_TYPES.includes(asked.type) && (ours.message?.rcode === 1 || ours.message?.rcode === 4),
  },
];

/** Records of `of` that are not in `from`. */
function missing(
  of: readonly ResourceRecord[] = [],
  from: readonly ResourceRecord[] = [],
): readonly ResourceRecord[] {
  const there = new Set(from.map(recordText));
  return of.filter((record) => !there.has(recordText(record)));
}

/** Without what proves the rest, which is compared by itself. */
function unsigned(section: readonly ResourceRecord[] = []): readonly ResourceRecord[] {
  return section.filter(({ type }) => type !== TYPE.RRSIG && type !== TYPE.NSEC);
}

const unsignedAdditionals = ({ message }: Observed): readonly ResourceRecord[] =>
  unsigned(message?.additionals);

function isAddress(type: number): boolean {
  return type === TYPE.A || type === TYPE.AAAA;
}

/** What else a referral has is glue: without it nobody gets there, so that no help explains its lack. */
function isReferral({ message }: Observed): boolean {
  return message?.authorities.some(({ type }) => type === TYPE.NS) === true;
}

/** They have everything that we have in the additional section, and more about names that their other records speak of. */
function onlyAddressesMore(ours: Observed, theirs: Observed): boolean {
  const [mine = [], others = []] = [ours, theirs].map(unsignedAdditionals);
  const spoken = new Set(
    [...(theirs.message?.answers ?? []), ...(theirs.message?.authorities ?? []), ...others].map(targetOf),
  );
  return (
    missing(mine, others).length === 0 &&
    missing(others, mine).every(({ type, name }) =>
      type === TYPE.TLSA
        ? spoken.has(name.replace(/^_\d+\._tcp\./, ''))
        : HELPFUL.includes(type) && spoken.has(name),
    )
  );
}

function targetOf({ name, rdata }: ResourceRecord): string | undefined {
  switch (rdata.type) {
    case 'CNAME':
    case 'NS':
    case 'PTR':
    case 'SRV':
      return rdata.target;
    case 'MX':
      return rdata.exchange;
    case 'SVCB':
    case 'HTTPS':
      return rdata.target === '.' ? name : rdata.target;
    default:
      return undefined;
  }
}
