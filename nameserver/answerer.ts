import { type ClientAddress, resolverAddress } from '../src/dns/client.ts';
import { type Decision, withoutRecords } from '../src/dns/decision.ts';
import type { DomainName } from '../src/dns/name.ts';
import type { FlowKind, Verdict } from '../src/dns/rate-limit.ts';
import { respond } from '../src/dns/respond.ts';
import type { AnswerTable } from '../src/dns/table.ts';
import { CLASS, OPCODE, RCODE, TYPE } from '../src/dns/types.ts';
import { clientOfQuery, EXTENDED_ERROR } from '../src/dns/wire/edns.ts';
import { parseQuery, type Query } from '../src/dns/wire/query.ts';
import { answerLimit, encodeReady, encodeResponse } from '../src/dns/wire/response.ts';
import type { WireWriter } from '../src/dns/wire/writer.ts';
import { AnswerMemo } from './answer-memo.ts';
import { answerChaos } from './chaos.ts';
import { type Gate, GO_ON } from './gate.ts';
import type { AnsweredQuery } from './query-log.ts';
import type { Statistics, Transport } from './statistics.ts';
import { TransferDesk } from './transfer-desk.ts';

export interface AnswererOptions {
  /** `undefined`: there is nothing to answer from yet; the client gets SERVFAIL and asks another server. */
  readonly table: () => AnswerTable | undefined;
  readonly statistics: Statistics;
  /** Told of every query that gets an answer, when the octets of both are there. */
  readonly queryLog?: ((answered: AnsweredQuery) => void) | undefined;
  /** Called with what a routed name or the watcher threw. */
  readonly onFailure: (failure: unknown) => void;
  readonly gate: Gate;
  /** Answers signed messages, NOTIFY and transfers. */
  readonly transfers: TransferDesk;
}

/** Used when a socket reports no address that can be read: nothing is known of the client. */
const UNKNOWN_CLIENT: ClientAddress = {
  family: 4,
  bytes: new Uint8Array(4),
  prefixLength: 0,
  source: 'resolver',
};

const TC_OCTET = 2;
const TC_BIT = 0x02;

/** From the octets of a query to the octets of its answer; the same for every transport. */
export class Answerer {
  readonly #options: AnswererOptions;
  /* Of the answer at hand, for the query log. */
  #rcode = -1;
  #zone: DomainName | '' = '';
  /** Made with the first query: a server nobody asks needs none. */
  #memo: AnswerMemo | undefined;
  #source = '';
  readonly #resolver = (): ClientAddress => resolverAddress(this.#source) ?? UNKNOWN_CLIENT;
  readonly #clientOf = (query: Query): ClientAddress => clientOfQuery(query.edns, this.#resolver);
  /** The query at hand, and what was said of its answer before it was signed. */
  #query: Query | undefined;
  #verdict: Verdict | undefined;
  readonly #admit = (unsigned: Decision): boolean => {
    if (this.#query === undefined) return true;
    this.#verdict = this.#options.gate.admit(
      flowKindOf(this.#query, unsigned),
      flowNameOf(this.#query, unsigned),
    );
    return this.#verdict === 'pass';
  };

  constructor(options: AnswererOptions) {
    this.#options = options;
  }

  /**
   * Answers into the writer. Never throws.
   * @param source the sender's address as the socket reports it
   * @returns false when there is nothing to send
   */
  answer(bytes: Uint8Array, source: string, transport: Transport, writer: WireWriter): boolean {
    const { statistics, queryLog } = this.#options;
    const begun = statistics.begin();
    const query = parseQuery(bytes);
    if (query === undefined) {
      statistics.drop('unanswerable');
      return false;
    }
    statistics.query(query.type);
    this.#rcode = -1;
    this.#zone = '';
    const sent = TransferDesk.concerns(query)
      ? this.#atDesk(query, begun, source, transport, writer)
      : this.#plain(query, begun, source, transport, writer, 0, undefined);
    if (sent && queryLog !== undefined) this.#log(queryLog, query, source, transport, writer);
    return sent;
  }

  #log(
    queryLog: (answered: AnsweredQuery) => void,
    query: Query,
    source: string,
    transport: Transport,
    writer: WireWriter,
  ): void {
    const response = writer.buffer.subarray(0, writer.offset);
    const rcode = this.#rcode < 0 ? (response[3] ?? 0) & 0x0f : this.#rcode;
    try {
      queryLog({ query, source, transport, rcode, zone: this.#zone, response });
    } catch (failure) {
      this.#options.onFailure(failure); // must not cost the client its answer
    }
  }

  /** Signed messages, NOTIFY, transfers. */
  #atDesk(query: Query, begun: number, source: string, transport: Transport, writer: WireWriter): boolean {
    const { transfers, statistics, onFailure } = this.#options;
    try {
      return transfers.answer(
        query,
        source,
        transport,
        writer,
        (reserve, rcode) => this.#plain(query, begun, source, transport, writer, reserve, rcode),
        (write) => this.#limited(query, source, transport, writer, write),
      );
    } catch (failure) {
      statistics.failure();
      onFailure(failure);
      return serverFailure(query, writer);
    }
  }

  /** A transfer in a datagram: its sender's address may be forged like any other. */
  #limited(
    query: Query,
    source: string,
    transport: Transport,
    writer: WireWriter,
    write: () => void,
  ): boolean {
    const { gate, statistics } = this.#options;
    gate.begin(query, source, transport);
    let verdict = gate.admit('total', '');
    if (verdict === 'pass') verdict = gate.admit('answer', query.name);
    if (verdict !== 'pass') return verdict === 'slip' && this.#slip(query, transport, writer, 0);
    write();
    gate.charge(writer.offset);
    this.#zone = query.name;
    statistics.response(query.name, transport, RCODE.NOERROR);
    return true;
  }

  /**
   * @param reserve octets to leave free, for a signature
   * @param rcode given: an answer without records
   */
  #plain(
    query: Query,
    begun: number,
    source: string,
    transport: Transport,
    writer: WireWriter,
    reserve: number,
    rcode: number | undefined,
  ): boolean {
    const { statistics, onFailure, gate } = this.#options;
    try {
      const early = gate.begin(query, source, transport);
      this.#query = query;
      this.#source = source;
      this.#verdict = undefined;
      let verdict = gate.admit('total', '');
      if (verdict !== 'pass') return verdict === 'slip' && this.#slip(query, transport, writer, reserve);
      const answers = this.#options.table();
      const given = rcode ?? (early === GO_ON ? undefined : early);
      const isKept = given === undefined && answers !== undefined && isOrdinary(query);
      if (isKept) {
        const again = this.#again(query, answers, begun, transport, writer, reserve);
        if (again !== undefined) return again;
      }
      const client = this.#clientOf(query);
      const decision = given === undefined ? this.#decide(query, answers, client) : withoutRecords(given);
      verdict = this.#verdict ?? gate.admit(flowKindOf(query, decision), flowNameOf(query, decision));
      if (verdict !== 'pass') return verdict === 'slip' && this.#slip(query, transport, writer, reserve);
      if (decision.rcode === RCODE.REFUSED) gate.explain(query, whyRefused(query));
      else if (decision.rcode === RCODE.NOTIMP) gate.explain(query, EXTENDED_ERROR.NOT_SUPPORTED);
      else if (query.type === TYPE.NXNAME && query.problem === RCODE.NOERROR)
        gate.explain(query, EXTENDED_ERROR.INVALID_QUERY_TYPE); // RFC 9824 section 3.5
      if (decision.failure !== undefined) {
        statistics.failure();
        onFailure(decision.failure);
      }
      if (isKept) this.#memo?.keep(query, answers, decision, client);
      const limit = answerLimit(query, transport, gate.udpOctets) - reserve;
      encodeResponse(query, decision, writer, limit, gate.reply);
      gate.charge(writer.offset);
      if (((writer.buffer[TC_OCTET] ?? 0) & TC_BIT) !== 0) statistics.truncated();
      this.#rcode = decision.rcode;
      this.#zone = decision.zone?.origin ?? '';
      statistics.response(this.#zone, transport, decision.rcode);
      statistics.answered(begun);
      return true;
    } catch (failure) {
      statistics.failure();
      onFailure(failure);
      return serverFailure(query, writer);
    }
  }

  /**
   * Gives an answer that is kept once more.
   * @returns whether there is something to send; `undefined` when it has to be decided
   */
  #again(
    query: Query,
    answers: AnswerTable,
    begun: number,
    transport: Transport,
    writer: WireWriter,
    reserve: number,
  ): boolean | undefined {
    const { statistics, gate } = this.#options;
    this.#memo ??= new AnswerMemo();
    const memo = this.#memo;
    if (!memo.find(query, answers, this.#clientOf)) return undefined;
    const verdict = gate.admit('answer', query.name);
    if (verdict !== 'pass') return verdict === 'slip' && this.#slip(query, transport, writer, reserve);
    const limit = answerLimit(query, transport, gate.udpOctets) - reserve;
    if (!encodeReady(query, memo, writer, limit, gate.reply)) {
      this.#verdict = verdict; // it is counted already; what is decided now has TC
      return undefined;
    }
    gate.charge(writer.offset);
    this.#rcode = RCODE.NOERROR;
    this.#zone = memo.zone?.origin ?? '';
    statistics.response(this.#zone, transport, RCODE.NOERROR);
    statistics.answered(begun);
    return true;
  }

  #decide(query: Query, answers: AnswerTable | undefined, client: ClientAddress): Decision {
    const { gate } = this.#options;
    if (query.class === CLASS.CH && query.problem === RCODE.NOERROR) return answerChaos(query, gate.nsid);
    if (answers !== undefined) return respond(answers, query, client, this.#admit);
    gate.explain(query, EXTENDED_ERROR.NOT_READY);
    return withoutRecords(RCODE.SERVFAIL);
  }

  /**
   * Instead of an answer above its limit: nothing but a way to ask again. With a client cookie in the query that is the server cookie,
   * which lifts the limit (RFC 7873 section 5.2.3); without, it is TC, for TCP. No larger than the query, but for the cookie.
   */
  #slip(query: Query, transport: Transport, writer: WireWriter, reserve: number): boolean {
    const { statistics, gate } = this.#options;
    const cookie = gate.reply?.cookie !== undefined;
    const rcode = cookie ? RCODE.BADCOOKIE : RCODE.NOERROR;
    const limit = answerLimit(query, transport) - reserve;
    encodeResponse(query, withoutRecords(rcode), writer, limit, gate.reply);
    if (!cookie) {
      writer.buffer[TC_OCTET] = (writer.buffer[TC_OCTET] ?? 0) | TC_BIT;
      statistics.truncated();
    }
    this.#rcode = rcode;
    statistics.response('', transport, rcode);
    return true;
  }
}

/** It was understood, asks for what zones have, and is no NOTIFY. */
function isOrdinary({ problem, opcode, class: qclass }: Query): boolean {
  return problem === RCODE.NOERROR && opcode === OPCODE.QUERY && qclass === CLASS.IN;
}

/** What kind of answer a decision is, for the limit that it counts against. */
function flowKindOf(query: Query, decision: Decision): FlowKind {
  if (query.type === TYPE.ANY && decision.rcode === RCODE.NOERROR) return 'any';
  if (decision.rcode === RCODE.NXDOMAIN) return 'negative';
  if (decision.rcode !== RCODE.NOERROR) return 'error';
  if (decision.answer.length > 0) return 'answer';
  return decision.authority[0]?.set.type === TYPE.NS ? 'referral' : 'negative';
}

/** What it is counted by besides the network: the node it comes from. Not the name asked for, of which there is no end. */
function flowNameOf(query: Query, { rcode, source }: Decision): string {
  return query.type === TYPE.ANY || (rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN)
    ? ''
    : (source ?? '');
}

/** Queries of class IN are refused for zones that are not here, transfers to who may not have them. */
function whyRefused({ type, class: qclass }: Query): number {
  const plain = qclass === CLASS.IN && type !== TYPE.AXFR && type !== TYPE.IXFR;
  return plain ? EXTENDED_ERROR.NOT_AUTHORITATIVE : EXTENDED_ERROR.PROHIBITED;
}

/** SERVFAIL without sections: nothing in it can fail again. */
function serverFailure(query: Query, writer: WireWriter): boolean {
  encodeResponse(query, withoutRecords(RCODE.SERVFAIL), writer, 512);
  return true;
}
