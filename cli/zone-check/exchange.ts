import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import type { Reply } from '../../src/dns/delegation/view.ts';
import type { DomainName } from '../../src/dns/name.ts';
import { CLASS } from '../../src/dns/types.ts';
import { decodeMessage, encodeMessage, type Message, makeQuery } from '../../src/dns/wire/message.ts';
import { messageOf } from '../../src/errors/error.ts';

export interface Asked {
  readonly address: string;
  readonly port: number;
  readonly transport: 'udp' | 'tcp';
  readonly name: DomainName;
  readonly type: number;
  readonly recursionDesired?: boolean;
  readonly dnssecOk?: boolean;
  readonly ednsVersion?: number;
  readonly ednsOptions?: readonly { readonly code: number; readonly data: Uint8Array }[];
}

export interface Patience {
  /** For one attempt, in milliseconds. */
  readonly timeoutMs: number;
  /** Attempts over UDP. */
  readonly attempts: number;
  /** Ends everything. */
  readonly signal: AbortSignal;
}

/** Errors that say something about this machine, not about the server. */
const HERE = new Set(['ENETUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL']);

/** Asks one server one question. Never rejects: silence and nonsense are answers, too. */
export async function exchange(asked: Asked, patience: Patience): Promise<Reply> {
  // An end that came before is announced to nobody who listens from now on.
  if (patience.signal.aborted) return TIME_OVER;
  const { message, bytes } = queryOf(asked);
  if (asked.transport === 'tcp') return overTcp(asked, message, bytes, patience);
  for (let attempt = 1; ; attempt += 1) {
    const reply = await overUdp(asked, message, bytes, patience);
    const final = reply.kind === 'message' || reply.here || attempt >= patience.attempts;
    if (final || patience.signal.aborted) return reply;
  }
}

function queryOf(asked: Asked): { readonly message: Message; readonly bytes: Uint8Array } {
  const { name, type, recursionDesired = false, dnssecOk = false, ednsVersion = 0, ednsOptions = [] } = asked;
  const plain = makeQuery(
    randomInt(0x1_0000),
    { name, type, class: CLASS.IN },
    { recursionDesired, ednsOptions },
  );
  const edns = { udpSize: 1232, version: ednsVersion, dnssecOk, options: ednsOptions };
  const message = { ...plain, edns };
  return { message, bytes: encodeMessage(message) };
}

function none(detail: string, here = false): Reply {
  return { kind: 'none', detail, here };
}

const TIME_OVER = none('the time for the check was over');

function failed(error: NodeJS.ErrnoException): Reply {
  const { code } = error;
  if (code === 'ECONNREFUSED') return none('the port is closed');
  if (code === 'ECONNRESET') return none('the connection was closed without an answer');
  if (code === 'EHOSTUNREACH') return none('the host cannot be reached');
  return none(error.message, code !== undefined && HERE.has(code));
}

/** `undefined`: not the answer to this query (somebody else's datagram, or a forged one). */
function readReply(bytes: Uint8Array, query: Message): Reply | undefined {
  if (bytes.length < 2 || (((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)) !== query.id) return undefined;
  let message: Message;
  try {
    message = decodeMessage(bytes);
  } catch (thrown) {
    return none(`it sent something that is no DNS message (${messageOf(thrown)})`);
  }
  const [question] = message.questions;
  const [own] = query.questions;
  const same = question === undefined || (question.name === own?.name && question.type === own.type);
  if (!message.flags.response || !same) return undefined;
  return { kind: 'message', message, octets: bytes.length };
}

/**
 * One attempt: what `begin` ends with, or that there was no time for it.
 * @param begin starts asking; returns what lets go of the socket
 */
function withPatience(
  { timeoutMs, signal }: Patience,
  begin: (end: (reply: Reply) => void) => { release(): void },
): Promise<Reply> {
  return new Promise((resolve) => {
    const end = (reply: Reply): void => {
      clearTimeout(deadline);
      signal.removeEventListener('abort', abort);
      asking.release();
      resolve(reply);
    };
    const abort = (): void => end(TIME_OVER);
    const deadline = setTimeout(() => end(none(`no answer within ${timeoutMs} ms`)), timeoutMs);
    signal.addEventListener('abort', abort);
    const asking = begin(end);
  });
}

function overUdp(asked: Asked, query: Message, bytes: Uint8Array, patience: Patience): Promise<Reply> {
  return withPatience(patience, (end) => {
    const socket = createSocket(isIPv6(asked.address) ? 'udp6' : 'udp4');
    socket.on('error', (error) => end(failed(error)));
    socket.on('message', (received) => {
      const reply = readReply(received, query);
      if (reply !== undefined) end(reply);
    });
    // Connected, so that a closed port is noticed at once and only this server's datagrams are taken.
    socket.connect(asked.port, asked.address, () => socket.send(bytes));
    return {
      release() {
        socket.removeAllListeners();
        socket.on('error', () => undefined); // one that comes after the end
        socket.close();
      },
    };
  });
}

function overTcp(asked: Asked, query: Message, bytes: Uint8Array, patience: Patience): Promise<Reply> {
  return withPatience(patience, (end) => {
    const socket = connect({ host: asked.address, port: asked.port });
    let received = Buffer.alloc(0);
    socket.on('error', (error) => end(failed(error)));
    socket.on('close', () => end(none('the connection was closed without an answer')));
    socket.on('connect', () => {
      const frame = Buffer.alloc(2 + bytes.length);
      frame.writeUInt16BE(bytes.length, 0);
      frame.set(bytes, 2);
      socket.write(frame);
    });
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]); // at most one message: the connection ends with it
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const reply = readReply(received.subarray(2, 2 + received.readUInt16BE(0)), query);
      end(reply ?? none('it answered another question'));
    });
    return {
      release() {
        socket.removeAllListeners();
        socket.on('error', () => undefined);
        socket.destroy();
      },
    };
  });
}
