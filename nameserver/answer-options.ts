import { ASKS, type Edns, type ReplyOptions } from '../src/dns/wire/edns.ts';
import type { Transport } from './statistics.ts';

/** Block size that hides the length of answers (RFC 8467 section 4.1). */
const PADDING_BLOCK = 468;
const KEEPALIVE_UNIT_MS = 100;

/** The options of the answer under way; one for all answers of a thread, so that none is allocated. */
export class AnswerOptions implements ReplyOptions {
  nsid: Uint8Array | undefined;
  cookie: Uint8Array | undefined;
  keepalive = -1;
  extendedError = -1;
  padTo = 0;

  /** Begins an answer: what the query asks for and may have over this transport. */
  begin(edns: Edns, transport: Transport, nsid: Uint8Array | undefined, idleMs: number): void {
    const { asks } = edns;
    this.nsid = (asks & ASKS.NSID) === 0 ? undefined : nsid;
    this.cookie = undefined;
    // RFC 7828 section 3.2.1: over UDP the option is ignored.
    this.keepalive =
      (asks & ASKS.KEEPALIVE) === 0 || transport === 'udp' ? -1 : Math.floor(idleMs / KEEPALIVE_UNIT_MS);
    this.extendedError = -1;
    // Where everybody can read the answer, padding hides nothing and amplifies.
    this.padTo = (asks & ASKS.PADDING) === 0 || transport !== 'tls' ? 0 : PADDING_BLOCK;
  }
}
