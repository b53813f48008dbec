import { formatRdata } from '../../../src/dns/records/catalogue.ts';
import { rcodeName, typeName } from '../../../src/dns/types.ts';
import { decodeMessage, type Message, type ResourceRecord } from '../../../src/dns/wire/message.ts';
import type { Asked } from './random-queries.ts';

/** What of two answers is compared. Sections are compared as sets; `chain` is the order of owners in the answer. */
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
] as const;
export type Aspect = (typeof ASPECTS)[number];

/** An answer in a form that can be compared: names in lower case, records as text. */
export interface Observed {
  readonly silent: boolean;
  readonly size: number;
  readonly message: Message | undefined;
  readonly aspects: Readonly<Record<Aspect, string>>;
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
  },
};

export function observe(asked: Asked, reply: Uint8Array | undefined): Observed {
  if (reply === undefined) return SILENT;
  const message = decodeMessage(reply);
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
      answer: asSet(message.answers),
      chain: [...new Set(message.answers.map(({ name }) => name))].join(' '),
      authority: asSet(message.authorities),
      additional: asSet(message.additionals),
      edns:
        edns === undefined
          ? 'none'
          : `version ${edns.version} do ${bit(edns.dnssecOk)} size ${edns.udpSize} options ${edns.options.map(({ code }) => code).join(',')}`,
    },
  };
}

/** Empty when both say the same. */
export function differences(ours: Observed, theirs: Observed): readonly Difference[] {
  return ASPECTS.filter((aspect) => ours.aspects[aspect] !== theirs.aspects[aspect]).map((aspect) => ({
    aspect,
    ours: ours.aspects[aspect],
    theirs: theirs.aspects[aspect],
  }));
}

export function recordText(record: ResourceRecord): string {
  return `${record.name} ${record.ttlSeconds} ${typeName(record.type)} ${formatRdata(record.rdata)}`;
}

function asSet(records: readonly ResourceRecord[]): string {
  return [...new Set(records.map(recordText))].sort().join('\n');
}

function questionOf(bytes: Uint8Array): Uint8Array {
  let at = 12;
  while ((bytes[at] ?? 0) !== 0) at += (bytes[at] ?? 0) + 1;
  return bytes.subarray(12, at + 5);
}
