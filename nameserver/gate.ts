import { resolverAddress } from '../src/dns/client.ts';
import { CLIENT_COOKIE_OCTETS } from '../src/dns/cookies.ts';
import type { FlowKind, Verdict } from '../src/dns/rate-limit.ts';
import { RCODE } from '../src/dns/types.ts';
import type { Edns } from '../src/dns/wire/edns.ts';
import { HEADER_OCTETS, type Query } from '../src/dns/wire/query.ts';
import { AnswerOptions } from './answer-options.ts';
import type { Protection } from './protection.ts';
import type { ProtectionCounters } from './protection-counters.ts';
import type { NameServerSettings } from './settings.ts';
import type { Transport } from './statistics.ts';

/** A flow of answers went above its limit. */
export interface LimitNotice {
  /** Where the queries say they come from; forged, more often than not. */
  readonly source: string;
  readonly kind: FlowKind;
  /** Name the flow is counted by; empty where it is counted by network alone. */
  readonly name: string;
}

export interface GateOptions {
  readonly settings: NameServerSettings;
  readonly protection: Protection;
  readonly counters: ProtectionCounters;
  /** How long idle connections are kept. */
  readonly idleMs: number;
  readonly onLimited: (notice: LimitNotice) => void;
}

/** Nothing to be answered at once. */
export const GO_ON = -1;

/**
 * Stands before the answer: who asks, whether that can be believed, and how much they may have. Holds what is known of the one query
 * at hand, so that a query without options allocates nothing here.
 */
export class Gate {
  readonly #options: GateOptions;
  readonly #nsid: Uint8Array | undefined;
  readonly #answerOptions = new AnswerOptions();
  #source = '';
  #transport: Transport = 'udp';
  #counting = false;
  #proved = false;
  /** For the OPT record of the answer; `undefined` when it needs none. */
  reply: AnswerOptions | undefined;

  constructor(options: GateOptions) {
    this.#options = options;
    const { nsid } = options.settings;
    this.#nsid = nsid === undefined ? undefined : new TextEncoder().encode(nsid);
  }

  get nsid(): Uint8Array | undefined {
    return this.#nsid;
  }

  /** The most octets a UDP answer may have. More than is safe from fragments only for whom a cookie proves to be there. */
  get udpOctets(): number {
    const { udpOctets, udpOctetsWithCookie } = this.#options.settings;
    return this.#proved ? udpOctetsWithCookie : udpOctets;
  }

  /**
   * Begins a query.
   * @returns a response code to answer with at once and without records, or `GO_ON`
   */
  begin(query: Query, source: string, transport: Transport): number {
    const { edns } = query;
    this.#source = source;
    this.#transport = transport;
    this.#proved = false;
    this.reply = undefined;
    const early =
      edns !== undefined && (edns.cookieLength > 0 || edns.asks !== 0)
        ? this.#readOptions(query, edns)
        : GO_ON;
    const { limiter, networks } = this.#options.protection;
    this.#counting = false;
    if (limiter !== undefined && transport === 'udp' && !this.#proved) {
      networks.read(source);
      if (!networks.exempt) {
        this.#counting = true;
        limiter.begin(networks.high, networks.low);
      }
    }
    return early;
  }

  /** Counts an answer against its limit. `slip` and `drop` only when limits are enforced. */
  admit(kind: FlowKind, name: string): Verdict {
    const { protection, counters, settings, onLimited } = this.#options;
    const { limiter } = protection;
    if (!this.#counting || limiter === undefined) return 'pass';
    const verdict = limiter.take(kind, name);
    if (verdict === 'pass') return verdict;
    if (limiter.began) onLimited({ source: this.#source, kind, name });
    const logOnly = settings.rateLimit.mode === 'log';
    counters.limited(kind, logOnly ? 'log' : verdict);
    return logOnly ? 'pass' : verdict;
  }

  /** Counts the size of the answer that was admitted. */
  charge(octets: number): void {
    if (this.#counting) this.#options.protection.limiter?.charge(octets);
  }

  /** Says in the answer why it is what it is (RFC 8914). */
  explain(query: Query, extendedError: number): void {
    if (query.edns === undefined || !this.#options.settings.extendedErrors) return;
    this.#replyTo(query.edns).extendedError = extendedError;
  }

  #replyTo(edns: Edns): AnswerOptions {
    if (this.reply === undefined) {
      this.reply = this.#answerOptions;
      this.reply.begin(edns, this.#transport, this.#nsid, this.#options.idleMs);
    }
    return this.reply;
  }

  #readOptions(query: Query, edns: Edns): number {
    const reply = this.#replyTo(edns);
    const { counters, protection, settings } = this.#options;
    const { cookies } = protection;
    const asksNothing = query.problem === RCODE.NOERROR && query.questionEnd === HEADER_OCTETS;
    if (edns.cookieLength === 0) return GO_ON;
    // Without cookies such a query is one without a question (RFC 7873 section 5.4).
    if (cookies === undefined) return asksNothing ? RCODE.FORMERR : GO_ON;
    const address = resolverAddress(this.#source)?.bytes;
    if (address === undefined) return GO_ON;
    this.#proved = cookies.open(query.bytes, edns.cookieAt, edns.cookieLength, address);
    reply.cookie = cookies.reply;
    const hasServerCookie = edns.cookieLength > CLIENT_COOKIE_OCTETS;
    counters.cookie(this.#proved ? 'valid' : hasServerCookie ? 'invalid' : 'client');
    if (asksNothing) return this.#proved || !hasServerCookie ? RCODE.NOERROR : RCODE.BADCOOKIE;
    // Over TCP the address is proved without a cookie (section 5.2.3).
    const insist = settings.cookies.require && this.#transport === 'udp' && query.problem === RCODE.NOERROR;
    return insist && !this.#proved ? RCODE.BADCOOKIE : GO_ON;
  }
}
