import { randomInt } from 'node:crypto';
import { connect, type LookupFunction, type Socket } from 'node:net';
import type { DomainName } from '../src/dns/name.ts';
import type { SoaRdata } from '../src/dns/records/soa.ts';
import { AxfrReader } from '../src/dns/transfer/axfr-reader.ts';
import { heldSoa, IxfrReader, type TransferredChanges } from '../src/dns/transfer/ixfr-reader.ts';
import { signRequest, type TsigVerifier } from '../src/dns/tsig.ts';
import type { TsigKey } from '../src/dns/tsig-key.ts';
import { CLASS, TYPE } from '../src/dns/types.ts';
import { encodeMessage, type Message, makeQuery, type ResourceRecord } from '../src/dns/wire/message.ts';
import { messageOf, PortolanError } from '../src/errors/error.ts';

/** What one transfer may take. */
export interface TransferLimits {
  readonly records: number;
  readonly octets: number;
  /** Milliseconds for the whole. */
  readonly totalMs: number;
  /** Milliseconds without anything arriving. */
  readonly idleMs: number;
}

export const DEFAULT_TRANSFER_LIMITS: TransferLimits = {
  records: 5_000_000,
  octets: 1 << 30,
  totalMs: 30 * 60_000,
  idleMs: 30_000,
};

export interface TransferRequest {
  /** IP address of the primary; with `lookup` its host name will do. */
  readonly address: string;
  readonly port: number;
  readonly zone: DomainName;
  /** Signs the request; then every answer must be signed, too. */
  readonly tsig?: TsigKey | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly limits?: Partial<TransferLimits> | undefined;
  /** Wall clock in milliseconds. */
  readonly wallMs?: (() => number) | undefined;
  /** Resolves a host name, and says which addresses may be connected to. */
  readonly lookup?: LookupFunction | undefined;
}

/**
 * Copies a zone from another server by AXFR (RFC 5936): its records in the order they come, the SOA first and once. Records of one
 * set need not stand together. Nothing that was given is certain before the iteration ends without an error: only then
 * is the zone whole and, with `tsig`, all of it signed.
 * @throws PortolanError TRANSFER_REFUSED, TRANSFER_FAILED, TRANSFER_TOO_BIG, TSIG_REJECTED, NAME_SERVER_SILENT
 */
export async function* transferZone(
  request: TransferRequest,
): AsyncGenerator<ResourceRecord, void, undefined> {
  const { zone } = request;
  const limit = request.limits?.records ?? DEFAULT_TRANSFER_LIMITS.records;
  const id = randomInt(0x1_0000);
  const query = { ...makeQuery(id, { name: zone, type: TYPE.AXFR, class: CLASS.IN }), edns: undefined };
  const reader = new AxfrReader(zone, id);
  let records = 0;
  for await (const message of answersTo(query, request, () => reader.ended)) {
    for (const record of readable(request, () => reader.accept(message))) {
      records += 1;
      if (records > limit)
        throw new PortolanError('TRANSFER_TOO_BIG', `${zone} has more than ${limit} records`);
      yield record;
    }
  }
}

/**
 * What changed in a zone since the version with this SOA, by IXFR over TCP (RFC 1995). When nothing did, the server's SOA is all that is sent.
 * @throws PortolanError TRANSFER_FAILED, TRANSFER_TOO_BIG, TSIG_REJECTED, NAME_SERVER_SILENT
 */
export async function transferChanges(request: TransferRequest, held: SoaRdata): Promise<TransferredChanges> {
  const { zone } = request;
  const limit = request.limits?.records ?? DEFAULT_TRANSFER_LIMITS.records;
  const id = randomInt(0x1_0000);
  const query = {
    ...makeQuery(id, { name: zone, type: TYPE.IXFR, class: CLASS.IN }),
    authorities: [heldSoa(zone, held)],
    edns: undefined,
  };
  const reader = new IxfrReader(zone, id, held.serial);
  let records = 0;
  for await (const message of answersTo(query, request, () => reader.result !== undefined)) {
    records += readable(request, () => reader.accept(message));
    if (records > limit)
      throw new PortolanError('TRANSFER_TOO_BIG', `${zone} has more than ${limit} records`);
  }
  return reader.result ?? { kind: 'unknown', reason: 'the server sent nothing' };
}

/** @throws PortolanError TRANSFER_FAILED for octets that are no message */
function readable<T>(request: TransferRequest, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    if (!(thrown instanceof PortolanError) || thrown.code !== 'DNS_WIRE_MALFORMED') throw thrown;
    const message = `${request.zone} from ${primaryOf(request)}: ${thrown.message}`;
    throw new PortolanError('TRANSFER_FAILED', message, { cause: thrown });
  }
}

function primaryOf({ address, port }: TransferRequest): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** The messages that answer a query, signatures checked, until `ended` after one of them. */
async function* answersTo(
  query: Message,
  request: TransferRequest,
  ended: () => boolean,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { zone, tsig } = request;
  const limits = { ...DEFAULT_TRANSFER_LIMITS, ...request.limits };
  const nowSeconds = (): number => Math.floor((request.wallMs ?? Date.now)() / 1000);
  const where = primaryOf(request);
  let bytes = encodeMessage(query);
  let answers: TsigVerifier | undefined;
  if (tsig !== undefined) ({ message: bytes, answers } = signRequest(bytes, tsig, nowSeconds()));

  const socket = connect({
    host: request.address,
    port: request.port,
    ...(request.lookup === undefined ? {} : { lookup: request.lookup }),
  });
  const stop = (code: 'NAME_SERVER_SILENT' | 'TRANSFER_FAILED', message: string): void => {
    socket.destroy(new PortolanError(code, `${zone} from ${where}: ${message}`));
  };
  socket.setNoDelay(true);
  socket.setTimeout(limits.idleMs, () => stop('NAME_SERVER_SILENT', `nothing came for ${limits.idleMs} ms`));
  const deadline = setTimeout(
    () => stop('TRANSFER_FAILED', `not whole after ${limits.totalMs} ms`),
    limits.totalMs,
  );
  const abort = (): void => stop('TRANSFER_FAILED', 'given up');
  if (request.signal?.aborted === true) abort();
  request.signal?.addEventListener('abort', abort, { once: true });
  try {
    const frame = Buffer.allocUnsafe(2 + bytes.length);
    frame.writeUInt16BE(bytes.length, 0);
    frame.set(bytes, 2);
    socket.write(frame);
    for await (const message of framesOf(socket, limits.octets, zone)) {
      answers?.accept(message, nowSeconds());
      yield message;
      if (!ended()) continue;
      if (answers?.complete === false)
        throw new PortolanError('TSIG_REJECTED', `${zone}: the last message of the transfer is not signed`);
      return;
    }
    throw new PortolanError(
      'TRANSFER_FAILED',
      `${zone} from ${where}: the connection ended before the zone did`,
    );
  } catch (thrown) {
    if (thrown instanceof PortolanError) throw thrown;
    throw new PortolanError('NAME_SERVER_SILENT', `${zone} from ${where}: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  } finally {
    clearTimeout(deadline);
    request.signal?.removeEventListener('abort', abort);
    socket.destroy();
  }
}

/** The framed messages of a connection (RFC 1035 section 4.2.2). Reads no further than is asked for. */
async function* framesOf(
  socket: Socket,
  maxOctets: number,
  zone: DomainName,
): AsyncGenerator<Uint8Array, void, undefined> {
  let pending: Buffer = Buffer.alloc(0);
  let octets = 0;
  // What a socket yields without an encoding is a Buffer; its type does not say so.
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    octets += chunk.length;
    if (octets > maxOctets)
      throw new PortolanError('TRANSFER_TOO_BIG', `${zone} takes more than ${maxOctets} octets`);
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    let at = 0;
    while (pending.length - at >= 2) {
      const length = pending.readUInt16BE(at);
      if (pending.length - at < 2 + length) break;
      yield pending.subarray(at + 2, at + 2 + length);
      at += 2 + length;
    }
    pending = pending.subarray(at);
  }
}
