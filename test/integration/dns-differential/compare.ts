import { formatRdata } from '../../../src/dns/records/catalogue.ts';
import type { NsecRdata } from '../../../src/dns/records/nsec.ts';
import { rcodeName, TYPE, typeName } from '../../../src/dns/types.ts';
import { decodeMessage, type Message, type ResourceRecord } from '../../../src/dns/wire/message.ts';
import type { Asked } from './random-queries.ts';

/**
 * What of two answers is compared. Sections are compared as sets, without what proves them; `chain` is the order of owners in the
 * answer, `denial` the NSEC records, and `signatures` whether and how the sets that both have are signed.
 */
export const ASPECTS = [
  'silence',
  'rcode',
  'aa',
  'tc',
  'rd',
  'ra',
  'ad',
  'cd',
  'question',
  'answer',
  'chain',
  'authority',
  'additional',
  'edns',
  'denial',
  'signatures',
] as const;
export type Aspect = (typeof ASPECTS)[number];

/** An answer in a form that can be compared: names in lower case, records as text. */
export interface Observed {
  readonly silent: boolean;
  readonly size: number;
  readonly message: Message | undefined;
  readonly aspects: Readonly<Record<Exclude<Aspect, 'signatures'>, string>>;
  /** For each set of records (`owner type`) how it is signed: `no`, or one line for each kind of signature. */
  readonly signatures: ReadonlyMap<string, string>;
}

export interface Difference {
  readonly aspect: Aspect;
  readonly ours: string;
  readonly theirs: string;
}

const SILENT: Observed = {
  silent: true,
  size: 0,
  message: undefined,
  aspects: {
    silence: 'silent',
    rcode: '',
    aa: '',
    tc: '',
    rd: '',
    ra: '',
    ad: '',
    cd: '',
    question: '',
    answer: '',
    chain: '',
    authority: '',
    additional: '',
    edns: '',
    denial: '',
  },
  signatures: new Map(),
};

export function observe(asked: Asked, reply: Uint8Array | undefined): Observed {
  if (reply === undefined) return SILENT;
  const message = decodeMessage(reply);
  const content = (section: readonly ResourceRecord[]): readonly ResourceRecord[] =>
    section.filter(({ type }) => !PROOFS.includes(type));
  // Whoever asks for proofs gets them as data.
  const answers = message.answers.filter(({ type }) => !PROOFS.includes(type) || type === asked.type);
  const denial = nsecsOf(asked.type === TYPE.NSEC ? { ...message, answers: [] } : message);
  const signatures = signaturesIn(message);
  const bit = (set: boolean): string => (set ? '1' : '0');
  const { flags, edns } = message;
  // The question comes back octet for octet, in the client's own case (draft-vixie-dnsext-dns0x20).
  const echoed =
    message.questions.length === 0
      ? 'none'
      : Buffer.compare(questionOf(asked.bytes), questionOf(reply)) === 0
        ? 'echoed'
        : 'changed';
  return {
    silent: false,
    size: reply.length,
    message,
    aspects: {
      silence: 'answers',
      rcode: rcodeName(message.rcode),
      aa: bit(flags.authoritative),
      tc: bit(flags.truncated),
      rd: bit(flags.recursionDesired),
      ra: bit(flags.recursionAvailable),
      ad: bit(flags.authenticData),
      cd: bit(flags.checkingDisabled),
      question: echoed,
      answer: asSet(answers),
      chain: [...new Set(answers.map(({ name }) => name))].join(' '),
      authority: asSet(content(message.authorities)),
      additional: asSet(content(message.additionals)),
      edns:
        edns === undefined
          ? 'none'
          : `version ${edns.version} do ${bit(edns.dnssecOk)} size ${edns.udpSize} options ${edns.options.map(({ code }) => code).join(',')}`,
      denial: denial
        .map((record) => `${recordText(record)} signed ${signatures.get(`${record.name} NSEC`) ?? 'no'}`)
        .sort()
        .join('\n'),
    },
    signatures,
  };
}

/** Empty when both say the same. */
export function differences(ours: Observed, theirs: Observed): readonly Difference[] {
  const found: Difference[] = [];
  for (const aspect of ASPECTS) {
    const [mine, their] =
      aspect === 'signatures'
        ? differentlySigned(ours, theirs)
        : [ours.aspects[aspect], theirs.aspects[aspect]];
    if (mine !== their) found.push({ aspect, ours: mine, theirs: their });
  }
  return found;
}

/** What proves other records (RFC 4034). */
const PROOFS: readonly number[] = [TYPE.RRSIG, TYPE.NSEC];

export function nsecsOf(
  message: Message | undefined,
): readonly (ResourceRecord & { readonly rdata: NsecRdata })[] {
  const records = [...(message?.answers ?? []), ...(message?.authorities ?? [])];
  return records.flatMap((record) =>
    record.rdata.type === 'NSEC' ? [{ ...record, rdata: record.rdata }] : [],
  );
}

/** Key tags, times and the signatures themselves are left out: each server has keys of its own. */
function signaturesIn({ answers, authorities, additionals }: Message): ReadonlyMap<string, string> {
  const found = new Map<string, Set<string>>();
  const at = (owner: string, type: number): Set<string> => {
    const key = `${owner} ${typeName(type)}`;
    const known = found.get(key) ?? new Set();
    found.set(key, known);
    return known;
  };
  const records = [...answers, ...authorities, ...additionals];
  const ttlOf = new Map(
    records.map(({ name, type, ttlSeconds }) => [`${name} ${typeName(type)}`, ttlSeconds]),
  );
  for (const { name, type, ttlSeconds, rdata } of records) {
    if (rdata.type !== 'RRSIG') {
      at(name, type);
      continue;
    }
    const { typeCovered, algorithm, labels, originalTtlSeconds, signer } = rdata;
    const ttl = ttlSeconds === ttlOf.get(`${name} ${typeName(typeCovered)}`) ? 'of the set' : ttlSeconds;
    at(name, typeCovered).add(
      `algorithm ${algorithm} labels ${labels} original TTL ${originalTtlSeconds} TTL ${ttl} by ${signer}`,
    );
  }
  return new Map([...found].map(([key, lines]) => [key, [...lines].sort().join('; ') || 'no']));
}

/** How the sets are signed that both have and sign differently. What only one has is a difference of the sections. */
function differentlySigned(ours: Observed, theirs: Observed): readonly [string, string] {
  const keys = [...ours.signatures.keys()].filter((key) => {
    const their = theirs.signatures.get(key);
    return their !== undefined && their !== ours.signatures.get(key);
  });
  const text = ({ signatures }: Observed): string =>
    keys.map((key) => `${key}: ${signatures.get(key) ?? ''}`).join('\n');
  return [text(ours), text(theirs)];
}

export function recordText(record: ResourceRecord): string {
  const { name, ttlSeconds, type, rdata } = record;
  // Every server has keys of its own.
  if (rdata.type === 'DNSKEY') return `${name} ${ttlSeconds} DNSKEY of algorithm ${rdata.algorithm}`;
  if (rdata.type === 'RRSIG')
    return `${name} ${ttlSeconds} RRSIG of ${typeName(rdata.typeCovered)} labels ${rdata.labels}`;
  return `${name} ${ttlSeconds} ${typeName(type)} ${formatRdata(rdata)}`;
}

function asSet(records: readonly ResourceRecord[]): string {
  return [...new Set(records.map(recordText))].sort().join('\n');
}

function questionOf(bytes: Uint8Array): Uint8Array {
  let at = 12;
  while ((bytes[at] ?? 0) !== 0) at += (bytes[at] ?? 0) + 1;
  return bytes.subarray(12, at + 5);
}
