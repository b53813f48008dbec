import { setImmediate as nextTurn } from 'node:timers/promises';
import { resolverAddress } from '../src/dns/client.ts';
import { MAX_NAME_OCTETS } from '../src/dns/name.ts';
import type { OwnedRRset } from '../src/dns/rrset.ts';
import type { AnswerTable } from '../src/dns/table.ts';
import {
  incrementalZone,
  packMessages,
  SIGNED_MESSAGE_OCTETS,
  wholeZone,
} from '../src/dns/transfer/messages.ts';
import { compareSerials } from '../src/dns/transfer/serial.ts';
import { signedContentOf } from '../src/dns/transfer/signed-content.ts';
import { contentOf } from '../src/dns/transfer/zone-content.ts';
import {
  findTsig,
  refusalOctets,
  refuseTsig,
  TSIG_REFUSED_RCODE,
  type TsigError,
  type TsigRefusal,
  type TsigSigner,
  verifyRequest,
} from '../src/dns/tsig.ts';
import { CLASS, OPCODE, RCODE, TYPE } from '../src/dns/types.ts';
import { decodeMessage } from '../src/dns/wire/message.ts';
import { HEADER_OCTETS, parseQuery, type Query } from '../src/dns/wire/query.ts';
import { answerLimit } from '../src/dns/wire/response.ts';
import { WireWriter } from '../src/dns/wire/writer.ts';
import type { Zone } from '../src/dns/zone.ts';
import type { Metric } from '../src/telemetry/counters.ts';
import type { Statistics, Transport } from './statistics.ts';
import { TransferJournals } from './transfer-journals.ts';
import { mayTransfer, NO_TRANSFERS, type TransferPlan } from './transfer-plan.ts';
import { ZoneOrders } from './zone-orders.ts';

/** Transfers that are sent at one time. Beyond them a secondary gets SERVFAIL and tries again later. */
export interface TransferOutLimits {
  readonly overall: number;
  readonly perSource: number;
}

export const DEFAULT_TRANSFER_OUT_LIMITS: TransferOutLimits = { overall: 50, perSource: 10 };

export interface TransferDeskOptions {
  readonly table: () => AnswerTable | undefined;
  readonly plan: () => TransferPlan | undefined;
  readonly statistics: Statistics;
  /** Wall clock in milliseconds: signatures have a time. */
  readonly wallMs: () => number;
  readonly onFailure: (failure: unknown) => void;
  readonly limits?: TransferOutLimits | undefined;
}

/**
 * Encodes an ordinary answer to the query at hand, leaving `reserve` octets of its limit free.
 * @param rcode given: an answer without records, with this code
 * @returns false when nothing is to be sent
 */
export type PlainAnswer = (reserve: number, rcode?: number) => boolean;

/**
 * Counts an answer that this desk writes itself against the limits of its client, then writes it.
 * @returns whether something is to be sent: that, or what a client above its limit gets
 */
export type LimitedAnswer = (write: () => void) => boolean;

const TRANSFERS: Metric = {
  name: 'portolan_dns_transfers_total',
  help: 'Zone transfers that were asked for, by how they ended; `answered`: over UDP, `aborted`: the secondary went away.',
  type: 'counter',
};

/** How often the journals look for a new version of a zone. */
const FOLLOW_EVERY_MS = 500;

/** What to do about a request for a transfer. */
type Judgement =
  | {
      readonly rcode: 0;
      readonly signer: TsigSigner | undefined;
      readonly zone: Zone;
      readonly serial: number;
    }
  | { readonly rcode: number; readonly signer: TsigSigner | undefined; readonly zone?: undefined };

type Signature =
  | { readonly kind: 'good'; readonly signer: TsigSigner | undefined }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'refused'; readonly error: TsigError; readonly refusal: TsigRefusal };

/** Signed messages (RFC 8945), AXFR (RFC 5936), IXFR (RFC 1995) and NOTIFY (RFC 1996) of one name server. */
export class TransferDesk {
  readonly #options: TransferDeskOptions;
  readonly #limits: TransferOutLimits;
  readonly #journals: TransferJournals;
  readonly #writer = new WireWriter();
  readonly #sending = new Map<string, number>();
  #sendingAll = 0;
  #lane: Promise<void> = Promise.resolve();
  readonly #orders = new ZoneOrders(() => this.#turn());
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(options: TransferDeskOptions) {
    this.#options = options;
    this.#limits = options.limits ?? DEFAULT_TRANSFER_OUT_LIMITS;
    this.#journals = new TransferJournals({ table: options.table, zones: () => this.#copied() });
    this.#timer = setInterval(() => {
      this.#journals.follow().catch(options.onFailure);
    }, FOLLOW_EVERY_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** True for what this desk answers: a plain query is not its business. */
  static concerns(query: Query): boolean {
    return query.tsigAt !== 0 || query.opcode === OPCODE.NOTIFY || isTransfer(query);
  }

  /**
   * Answers what `concerns` into the writer; `plain` writes there, too. Whole transfers over TCP come from `stream`.
   * @returns false when nothing is to be sent
   */
  answer(
    query: Query,
    source: string,
    transport: Transport,
    writer: WireWriter,
    plain: PlainAnswer,
    limited: LimitedAnswer,
  ): boolean {
    if (query.problem !== RCODE.NOERROR) return plain(0);
    const signature = this.#signatureOf(query);
    if (signature.kind === 'malformed') return plain(0, RCODE.FORMERR);
    if (signature.kind === 'refused') {
      const { error, refusal } = signature;
      if (!plain(refusalOctets(refusal), TSIG_REFUSED_RCODE)) return false;
      refuseTsig(writer, error, refusal, this.#nowSeconds());
      return true;
    }
    const { signer } = signature;
    const reserve = signer?.octets ?? 0;
    // This server is the primary of all it serves: nobody has a change to tell it (RFC 1996 section 3.10).
    let rcode: number | undefined;
    if (query.opcode === OPCODE.NOTIFY) rcode = RCODE.NOTAUTH;
    else if (isTransfer(query)) {
      const judged = this.#judge(query, source, signer);
      if (judged.zone !== undefined && transport === 'udp' && query.type === TYPE.IXFR) {
        this.#count(judged.zone, query, 'answered');
        return limited(() => this.#answerIxfrOverUdp(query, judged.zone, judged.serial, signer, writer));
      }
      this.#count(judged.zone, query, 'refused');
      // AXFR over UDP does not exist (RFC 5936 section 4.2). Over TCP, what may be sent and is not lacks room.
      if (transport === 'udp' && query.type === TYPE.AXFR) rcode = RCODE.FORMERR;
      else rcode = judged.rcode === RCODE.NOERROR ? RCODE.SERVFAIL : judged.rcode;
    }
    if (!plain(reserve, rcode)) return false;
    signer?.sign(writer, this.#nowSeconds());
    return true;
  }

  /**
   * The messages of a transfer, each with its length before it, when this is a request that is to be served now; else
   * `undefined`: `answer` has the answer. Whoever iterates waits between two messages until the client has read; to
   * stop, end the iteration. When it throws, the connection must be cut, so that the client takes no half of a zone.
   */
  stream(bytes: Uint8Array, source: string): AsyncGenerator<Buffer, void, undefined> | undefined {
    if (!mentionsTransfer(bytes)) return undefined;
    try {
      return this.#begun(bytes, source);
    } catch (failure) {
      this.#options.onFailure(failure);
      return undefined;
    }
  }

  #begun(bytes: Uint8Array, source: string): AsyncGenerator<Buffer, void, undefined> | undefined {
    const query = parseQuery(bytes);
    if (query === undefined || query.problem !== RCODE.NOERROR || !isTransfer(query)) return undefined;
    const signature = this.#signatureOf(query);
    if (signature.kind !== 'good') return undefined;
    const judged = this.#judge(query, source, signature.signer);
    if (judged.zone === undefined) return undefined;
    const mine = this.#sending.get(source) ?? 0;
    if (this.#sendingAll >= this.#limits.overall || mine >= this.#limits.perSource) return undefined;
    return this.#send(query, judged.zone, judged.serial, judged.signer, source);
  }

  async *#send(
    query: Query,
    judgedZone: Zone,
    serial: number,
    signer: TsigSigner | undefined,
    source: string,
  ): AsyncGenerator<Buffer, void, undefined> {
    this.#sendingAll += 1;
    this.#sending.set(source, (this.#sending.get(source) ?? 0) + 1);
    let outcome = 'aborted';
    try {
      await this.#journals.follow();
      const zone = this.#options.table()?.zoneFor(query.name) ?? judgedZone;
      const sets = await this.#setsFor(query, zone.origin === query.name ? zone : judgedZone, serial);
      const writer = this.#writer;
      const nowSeconds = (): number => this.#nowSeconds();
      const fullOctets = judgedZone.signer === undefined ? undefined : SIGNED_MESSAGE_OCTETS;
      for (const _ of packMessages(query, sets, writer, signer, nowSeconds, fullOctets)) {
        const frame = Buffer.allocUnsafe(2 + writer.offset);
        frame.writeUInt16BE(writer.offset, 0);
        writer.buffer.copy(frame, 2, 0, writer.offset);
        yield frame;
        await this.#turn(); // queries are answered between two messages, also when the client reads at once
      }
      outcome = 'sent';
    } catch (failure) {
      outcome = 'failed';
      this.#options.statistics.failure();
      this.#options.onFailure(failure);
      throw failure;
    } finally {
      this.#orders.release(query);
      this.#sendingAll -= 1;
      const left = (this.#sending.get(source) ?? 1) - 1;
      if (left > 0) this.#sending.set(source, left);
      else this.#sending.delete(source);
      this.#count(judgedZone, query, outcome);
    }
  }

  async #setsFor(query: Query, zone: Zone, serial: number): Promise<Iterable<OwnedRRset>> {
    if (query.type === TYPE.IXFR) {
      if (compareSerials(serial, zone.serial) >= 0) return [{ owner: zone.origin, set: zone.soa }];
      const differences = this.#journals.between(serial, zone);
      if (differences !== undefined) return incrementalZone(zone, differences);
    }
    if (zone.signer === undefined) return wholeZone(zone, contentOf(zone));
    const { names, glue } = await this.#orders.of(zone, query);
    return wholeZone(zone, signedContentOf(zone, zone.signer, names, glue));
  }

  /** Resolves in a turn of the event loop in which no other transfer goes on: many at a time must not add up to one long turn. */
  #turn(): Promise<void> {
    this.#lane = this.#lane.then(() => nextTurn());
    return this.#lane;
  }

  /** All of it when it fits into the datagram, else the SOA: the secondary then comes over TCP (RFC 1995 section 2). */
  #answerIxfrOverUdp(
    query: Query,
    zone: Zone,
    serial: number,
    signer: TsigSigner | undefined,
    writer: WireWriter,
  ): void {
    const soa = [{ owner: zone.origin, set: zone.soa }];
    const differences =
      compareSerials(serial, zone.serial) < 0 ? this.#journals.between(serial, zone) : undefined;
    const limit = answerLimit(query, 'udp') - (signer?.octets ?? 0);
    const now = (): number => this.#nowSeconds();
    if (differences !== undefined) {
      // No more of it is written than a datagram holds.
      const fitting = packMessages(query, incrementalZone(zone, differences), writer, undefined, now, limit);
      fitting.next();
      if (writer.offset <= limit && fitting.next().done === true) {
        signer?.sign(writer, this.#nowSeconds());
        return;
      }
    }
    packMessages(query, soa, writer, signer, now).next();
  }

  #judge(query: Query, source: string, signer: TsigSigner | undefined): Judgement {
    const table = this.#options.table();
    if (table === undefined) return { rcode: RCODE.SERVFAIL, signer };
    if (query.class !== CLASS.IN) return { rcode: RCODE.REFUSED, signer };
    const zone = table.zoneFor(query.name);
    if (zone?.origin !== query.name) return { rcode: RCODE.NOTAUTH, signer };
    const plan = this.#options.plan() ?? NO_TRANSFERS;
    if (!mayTransfer(plan, zone.origin, resolverAddress(source), signer?.key))
      return { rcode: RCODE.REFUSED, signer };
    const serial = query.type === TYPE.IXFR ? serialOf(query) : 0;
    if (serial === undefined) return { rcode: RCODE.FORMERR, signer };
    return { rcode: RCODE.NOERROR, signer, zone, serial };
  }

  #signatureOf(query: Query): Signature {
    if (query.tsigAt === 0) return { kind: 'good', signer: undefined };
    const found = findTsig(query.bytes);
    if (found.kind !== 'found') return { kind: 'malformed' };
    const { keys } = this.#options.plan() ?? NO_TRANSFERS;
    const verdict = verifyRequest(query.bytes, found.record, keys, this.#nowSeconds());
    return verdict.kind === 'verified' ? { kind: 'good', signer: verdict.chain } : verdict;
  }

  *#copied(): Iterable<Zone['origin']> {
    for (const [origin, { allow }] of this.#options.plan()?.zones ?? []) if (allow.length > 0) yield origin;
  }

  #count(zone: Zone | undefined, query: Query, outcome: string): void {
    const labels = { zone: zone?.origin ?? '', kind: query.type === TYPE.AXFR ? 'AXFR' : 'IXFR', outcome };
    this.#options.statistics.counters.counter(TRANSFERS, labels).add();
  }

  #nowSeconds(): number {
    return Math.floor(this.#options.wallMs() / 1000);
  }
}

function isTransfer({ opcode, type }: Query): boolean {
  return opcode === OPCODE.QUERY && (type === TYPE.AXFR || type === TYPE.IXFR);
}

/** Whether the octets 0 251 or 0 252 stand where a question may have its type: to parse every query twice would be a waste. */
function mentionsTransfer(bytes: Uint8Array): boolean {
  const end = Math.min(bytes.length, HEADER_OCTETS + MAX_NAME_OCTETS + 2);
  for (let at = HEADER_OCTETS + 1; at + 1 < end; at += 1) {
    if (bytes[at] === 0 && (bytes[at + 1] === TYPE.AXFR || bytes[at + 1] === TYPE.IXFR)) return true;
  }
  return false;
}

/** The serial that the secondary has: its SOA stands in the authority section (RFC 1995 section 3). */
function serialOf(query: Query): number | undefined {
  try {
    const { authorities } = decodeMessage(query.bytes);
    const soa = authorities.find(({ name, rdata }) => name === query.name && rdata.type === 'SOA');
    return soa?.rdata.type === 'SOA' ? soa.rdata.serial : undefined;
  } catch {
    return undefined;
  }
}
