import { compareNames } from '../../../src/dns/dnssec/canonical.ts';
import { successorOf } from '../../../src/dns/dnssec/successor.ts';
import {
  type DomainName,
  isAtOrBelow,
  isWildcard,
  parentOf,
  parseName,
  wildcardUnder,
} from '../../../src/dns/name.ts';
import { TYPE } from '../../../src/dns/types.ts';
import { nsecsOf, type Observed } from './compare.ts';
import type { KnownDifference } from './known-differences.ts';

/** Ways in which our signed answers differ on purpose. Each row checks that either side proves the same, in its own way. */
export const SIGNED_DIFFERENCES: readonly KnownDifference[] = [
  {
    id: 'rrsig',
    who: 'both',
    what: 'A query for RRSIG gets one signature, over the NSEC record that the name would be denied with; BIND gives every signature there is, Knot the first.',
    why: 'Like ANY it is of use to amplifiers alone. Names that do not exist have this signature too.',
    rfc: 'RFC 8482 section 4.1 (for ANY), RFC 9824 section 3.1',
    aspects: ['rcode', 'tc', 'denial', 'signatures', 'answer', 'chain', 'authority', 'additional'],
    applies: ({ asked, ours, theirs }) =>
      asked.type === TYPE.RRSIG &&
      ours.message?.rcode === 0 &&
      ours.message.answers.at(-1)?.rdata.type === 'RRSIG' &&
      ours.message.answers.filter(({ name }) => name === lastName(asked.name, ours)).length === 1 &&
      (theirs.message?.rcode === 0 || theirs.message?.rcode === 3),
  },
  {
    id: 'nsec',
    who: 'both',
    what: 'A query for NSEC gets the record that the name would be denied with, also where no name is; Knot and BIND give the record of the chain, or deny that there is one.',
    why: 'There is no chain, and what is asked for is what would be made.',
    rfc: 'RFC 9824 section 3.1',
    aspects: ['rcode', 'denial', 'signatures', 'answer', 'chain', 'authority'],
    applies: ({ asked, ours, theirs }) =>
      asked.type === TYPE.NSEC &&
      ours.message?.rcode === 0 &&
      ours.message.authorities.length === 0 &&
      compactTypes(ours, lastName(asked.name, ours)) !== undefined &&
      (theirs.message?.rcode === 0 || theirs.message?.rcode === 3),
  },
  {
    id: 'nsec-at-delegation',
    who: 'bind',
    what: 'A query for NSEC at a delegation gets the referral; BIND answers it with the record of the zone above.',
    why: 'Only DS is asked for above a delegation. Knot does the same.',
    rfc: 'RFC 4035 section 3.1.4.1',
    aspects: ['aa', 'denial', 'signatures', 'answer', 'chain', 'authority', 'additional'],
    applies: ({ asked, ours, theirs }) =>
      asked.type === TYPE.NSEC &&
      ours.message?.answers.length === 0 &&
      ours.message.authorities.some(({ type, name }) => type === TYPE.NS && name === asked.name) &&
      theirs.message?.flags.authoritative === true &&
      provenNsecs(theirs).every(({ name, types }) => name === asked.name && types.includes(TYPE.NS)),
  },
  {
    id: 'compact-nxdomain',
    who: 'both',
    what: 'A name that does not exist is NOERROR with one NSEC record at that very name, whose types are RRSIG, NSEC and NXNAME; Knot and BIND say NXDOMAIN with the NSEC records around it and around its wildcard. Without DO it is NXDOMAIN everywhere.',
    why: 'Made when it is asked for, with one signature instead of two or three, and it tells nobody which names there are.',
    rfc: 'RFC 9824 section 3.1',
    aspects: ['rcode', 'denial'],
    applies({ asked, ours, theirs }) {
      const name = lastName(asked.name, ours);
      return (
        asked.dnssecOk &&
        ours.message?.rcode === 0 &&
        theirs.message?.rcode === 3 &&
        sameTypes(compactTypes(ours, name), NO_NAME) &&
        deniesName(theirs, name)
      );
    },
  },
  {
    id: 'compact-nodata',
    who: 'both',
    what: 'A type that a name has not, and an empty non-terminal, are denied by one NSEC record at that name with the name right behind it as the next one; Knot and BIND give the next name of the zone, for an empty non-terminal the record around it, for a wildcard two records. The types are the same.',
    why: 'There is no chain of names: nobody can walk the zone.',
    rfc: 'RFC 9824 sections 3.2 and 3.3',
    aspects: ['denial'],
    applies({ asked, ours, theirs }) {
      const name = lastName(asked.name, ours);
      const types = compactTypes(ours, name);
      return (
        types?.includes(asked.type) === false &&
        !types.includes(TYPE.NXNAME) &&
        deniesType(theirs, name, types)
      );
    },
  },
  {
    id: 'asterisk',
    who: 'knot',
    what: 'A type that a wildcard has not, asked for at a name that begins with an asterisk itself, is denied like any other; Knot gives the record of the wildcard without the one that says that the name is not there.',
    why: 'Without the second record nothing is proven. BIND gives it.',
    rfc: 'RFC 4035 section 3.1.3.4',
    aspects: ['denial'],
    applies({ asked, ours, theirs }) {
      const name = lastName(asked.name, ours);
      const types = compactTypes(ours, name);
      const [only, ...more] = provenNsecs(theirs);
      return (
        isWildcard(name) &&
        types?.includes(asked.type) === false &&
        only !== undefined &&
        more.length === 0 &&
        isWildcard(only.name) &&
        isAtOrBelow(name, parseName(only.name.slice(2))) &&
        sameTypes(only.types, types)
      );
    },
  },
  {
    id: 'compact-referral',
    who: 'both',
    what: 'The NSEC record that says that a delegation has no DS has the name right behind the delegation as the next one; Knot and BIND give the next name of the zone.',
    why: 'As for every other denial.',
    rfc: 'RFC 9824 section 3.4',
    aspects: ['denial'],
    applies({ ours, theirs }) {
      const [cut] = ours.message?.authorities ?? [];
      if (cut?.type !== TYPE.NS || ours.message?.flags.truncated === true) return false;
      const types = compactTypes(ours, cut.name);
      return types?.includes(TYPE.DS) === false && deniesType(theirs, cut.name, types);
    },
  },
  {
    id: 'wildcard-signature',
    who: 'both',
    what: 'What a wildcard answers is signed under the name that was asked for; Knot and BIND give the signature of the wildcard, which has fewer labels.',
    why: 'The name is signed as if it were there, so that no proof is needed that it is not.',
    rfc: 'RFC 9824 section 3.3',
    aspects: ['signatures'],
    applies: ({ ours, theirs }) => expanded(ours, theirs).length > 0,
  },
  {
    id: 'wildcard-proof',
    who: 'both',
    what: 'An answer from a wildcard comes without an NSEC record; Knot and BIND add the one that says that the name itself is not there.',
    why: 'The signature is of the name itself: there is nothing to prove.',
    rfc: 'RFC 9824 section 3.3',
    aspects: ['denial'],
    applies({ ours, theirs }) {
      const names = expanded(ours, theirs);
      const theirNsecs = provenNsecs(theirs);
      return (
        nsecsOf(ours.message).length === 0 &&
        theirNsecs.length > 0 &&
        theirNsecs.every((nsec) => names.some((name) => covers(nsec, name)))
      );
    },
  },
];

const NO_NAME: readonly number[] = [TYPE.RRSIG, TYPE.NSEC, TYPE.NXNAME];
const NO_DATA: readonly number[] = [TYPE.RRSIG, TYPE.NSEC];

interface Nsec {
  readonly name: DomainName;
  readonly next: DomainName;
  readonly types: readonly number[];
}

/** The end of the aliases in an answer. */
function lastName(asked: string, { message }: Observed): DomainName {
  let name = parseName(asked);
  for (const { rdata, name: owner } of message?.answers ?? [])
    if (rdata.type === 'CNAME' && owner === name) name = rdata.target;
  return name;
}

/** The types of the only NSEC record, when that is a compact denial at this name and signed. */
function compactTypes(ours: Observed, name: DomainName): readonly number[] | undefined {
  const [nsec, ...more] = provenNsecs(ours);
  if (nsec === undefined || more.length > 0 || nsec.name !== name) return undefined;
  const [, signer = '.'] = ours.signatures.get(`${name} NSEC`)?.match(/ by (\S+)$/) ?? [];
  return nsec.next === successorOf(name, parseName(signer)) ? nsec.types : undefined;
}

/** All NSEC records of an answer; none when one of them has no signature. */
function provenNsecs({ message, signatures }: Observed): readonly Nsec[] {
  const nsecs = nsecsOf(message).map(({ name, rdata }) => ({ name, next: rdata.next, types: rdata.types }));
  return nsecs.every(({ name }) => (signatures.get(`${name} NSEC`) ?? 'no') !== 'no') ? nsecs : [];
}

/** Whether a record of the chain says that there is no such name (RFC 4034 section 4.1.1); the last one leads back to the apex. */
function covers({ name: owner, next }: Nsec, name: DomainName): boolean {
  if (compareNames(owner, name) >= 0 || isAtOrBelow(next, name)) return false;
  return compareNames(name, next) < 0 || compareNames(next, owner) <= 0;
}

/** Neither the name nor a wildcard that could stand for it is there (RFC 4035 section 3.1.3.2). */
function deniesName(theirs: Observed, name: DomainName): boolean {
  const nsecs = provenNsecs(theirs);
  const around = nsecs.find((nsec) => covers(nsec, name));
  if (around === undefined) return false;
  const wildcard = wildcardUnder(closestEncloser(name, around));
  return nsecs.some((nsec) => covers(nsec, wildcard));
}

/** The name, an empty non-terminal or the wildcard that stands for the name has just these types (sections 3.1.3.1 and 3.1.3.4). */
function deniesType(theirs: Observed, name: DomainName, types: readonly number[]): boolean {
  const nsecs = provenNsecs(theirs);
  const at = (owner: DomainName): boolean =>
    nsecs.some((nsec) => nsec.name === owner && sameTypes(nsec.types, types));
  const emptyAt = (owner: DomainName): boolean =>
    sameTypes(types, NO_DATA) &&
    nsecs.some(
      (nsec) => compareNames(nsec.name, owner) < 0 && nsec.next !== owner && isAtOrBelow(nsec.next, owner),
    );
  if (at(name) || emptyAt(name)) return true;
  const around = nsecs.find((nsec) => covers(nsec, name));
  if (around === undefined) return false;
  const wildcard = wildcardUnder(closestEncloser(name, around));
  return at(wildcard) || emptyAt(wildcard);
}

/** The nearest name above that is there, as the record around a missing name tells. */
function closestEncloser(name: DomainName, { name: owner, next }: Nsec): DomainName {
  let above = parentOf(name);
  while (above !== undefined && !isAtOrBelow(owner, above) && !isAtOrBelow(next, above))
    above = parentOf(above);
  return above ?? parseName('.');
}

function sameTypes(a: readonly number[] | undefined, b: readonly number[]): boolean {
  return a !== undefined && [...a].sort().join() === [...b].sort().join();
}

/** The names that the other side took from a wildcard; none when the signatures differ in anything else. */
function expanded(ours: Observed, theirs: Observed): readonly DomainName[] {
  const names: DomainName[] = [];
  for (const [key, mine] of ours.signatures) {
    const their = theirs.signatures.get(key);
    if (their === undefined || their === mine) continue;
    const labels = (text: string): number => Number(/labels (\d+)/.exec(text)?.[1]);
    const asOurs = their.replace(/labels \d+/, `labels ${labels(mine)}`);
    if (asOurs !== mine || labels(their) >= labels(mine)) return [];
    const [owner = ''] = key.split(' ');
    names.push(parseName(owner));
  }
  return names;
}
