import { connect } from 'node:net';
import { findTsig, signRequest, TSIG_ERROR, type TsigRecord } from '../../src/dns/tsig.ts';
import type { TsigKey } from '../../src/dns/tsig-key.ts';
import { decodeMessage, encodeMessage, type Message } from '../../src/dns/wire/message.ts';
import { messageOf, PortolanError } from '../../src/errors/error.ts';
import { type OutboundGuard, ProviderError } from '../contract.ts';
import { noAnswer } from '../no-answer.ts';

/** Where messages go, signed by which key. */
export interface Correspondent {
  /** Host name or IP address. */
  readonly host: string;
  readonly port: number;
  readonly key: TsigKey;
  readonly timeoutMs: number;
  readonly guard: OutboundGuard;
  /** Wall clock in milliseconds. */
  readonly wallMs: () => number;
}

/** An answer: `trusted` when its signature was right. */
export interface Answer {
  readonly message: Message;
  readonly trusted: boolean;
  /** What the server has against our signature. */
  readonly tsig: { readonly error: number; readonly serverSeconds: number | undefined } | undefined;
}

/**
 * Sends one message over a TCP connection of its own and takes the answer to it.
 * @throws ProviderError `transient` while nothing was sent, `ambiguous` after, `denied` for an address that is not allowed
 */
export async function exchange(to: Correspondent, message: Message, signal: AbortSignal): Promise<Answer> {
  const nowSeconds = (): number => Math.floor(to.wallMs() / 1000);
  const { message: bytes, answers } = signRequest(encodeMessage(message), to.key, nowSeconds());
  const answer = await roundTrip(to, bytes, signal);
  const found = findTsig(answer);
  const tsig =
    found.kind === 'found' && found.record.error !== TSIG_ERROR.NONE ? complaint(found.record) : undefined;
  let trusted = false;
  try {
    answers.accept(answer, nowSeconds());
    trusted = answers.complete;
  } catch (thrown) {
    if (!(thrown instanceof PortolanError) || thrown.code !== 'TSIG_REJECTED') throw thrown;
  }
  let decoded: Message;
  try {
    decoded = decodeMessage(answer);
  } catch (thrown) {
    throw new ProviderError('ambiguous', `${to.host} sent no DNS message: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
  if (decoded.id !== message.id || !decoded.flags.response || decoded.opcode !== message.opcode)
    throw new ProviderError('ambiguous', `${to.host} sent an answer to another message`);
  return { message: decoded, trusted, tsig };
}

/** RFC 8945 section 5.2.3: with BADTIME the server's clock stands in the other data. */
function complaint({ error, other }: TsigRecord): NonNullable<Answer['tsig']> {
  return { error, serverSeconds: other.length === 6 ? Buffer.from(other).readUIntBE(0, 6) : undefined };
}

function roundTrip(to: Correspondent, bytes: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
  const where = `${to.host} port ${to.port}`;
  try {
    to.guard.check(to.host);
  } catch (thrown) {
    throw ProviderError.from('denied', thrown);
  }
  return new Promise((resolve, reject) => {
    const socket = connect({ host: to.host, port: to.port, lookup: to.guard.lookup });
    let sent = false;
    let pending: Buffer = Buffer.alloc(0);
    const end = (settle: () => void): void => {
      clearTimeout(deadline);
      signal.removeEventListener('abort', abort);
      socket.destroy();
      settle();
    };
    const fail = (error: unknown): void => end(() => reject(noAnswer(where, error, { writes: sent })));
    const abort = (): void => fail(signal.reason);
    const deadline = setTimeout(() => fail(new Error(`no answer within ${to.timeoutMs} ms`)), to.timeoutMs);
    signal.addEventListener('abort', abort, { once: true });
    socket.setNoDelay(true);
    socket.on('connect', () => {
      const frame = Buffer.allocUnsafe(2 + bytes.length);
      frame.writeUInt16BE(bytes.length, 0);
      frame.set(bytes, 2);
      sent = true;
      socket.write(frame);
    });
    socket.on('data', (chunk: Buffer) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      if (pending.length < 2) return;
      const length = pending.readUInt16BE(0);
      if (pending.length < 2 + length) return;
      const answer = new Uint8Array(pending.subarray(2, 2 + length));
      end(() => resolve(answer));
    });
    socket.on('error', (error) => fail(error));
    socket.on('end', () => fail(new Error('it closed the connection without an answer')));
    socket.on('close', () => fail(new Error('the connection ended without an answer')));
    if (signal.aborted) abort();
  });
}
