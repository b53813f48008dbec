import { type IncomingMessage, STATUS_CODES } from 'node:http';
import { type Duplex, pipeline } from 'node:stream';
import type { Connection, GatewayCore } from '../core.ts';
import { Exchange } from '../exchange.ts';
import type { RawRequest } from '../normalise.ts';
import type { Fields } from '../request.ts';
import type { RequestBody } from '../upstream/contract.ts';

/** A WebSocket handshake of HTTP/1.1: either the octets of both sides from then on, or an answer and the end of the connection. */
export class UpgradeExchange extends Exchange {
  readonly #req: IncomingMessage;
  readonly #socket: Duplex;
  /** Octets that came after the head. */
  readonly #early: Buffer;
  #switched = false;

  constructor(
    core: GatewayCore,
    connection: Connection,
    req: IncomingMessage,
    socket: Duplex,
    early: Buffer,
  ) {
    super(core, connection);
    this.#req = req;
    this.#socket = socket;
    this.#early = early;
    this.upgrade = 'websocket';
    socket.on('error', () => {});
    socket.on('close', () => this.closed(this.answered && !socket.errored));
    socket.on('drain', () => {
      if (!this.#switched) this.drained();
    });
  }

  raw(): RawRequest {
    const { method = '', url = '', httpVersion, rawHeaders } = this.#req;
    return { method, target: url, httpVersion, rawFields: rawHeaders, authority: undefined };
  }

  takeBody(): RequestBody | undefined {
    return undefined;
  }

  sendContinue(): void {}

  protected sendInformational(): void {}

  protected sendHead(status: number, fields: string[]): void {
    this.#socket.write(headOf(status, [...fields, 'connection', 'close']), 'latin1');
  }

  protected sendData(chunk: Uint8Array): boolean {
    const more = this.#socket.write(chunk);
    if (!more) this.stall();
    return more;
  }

  protected sendEnd(): void {
    this.#socket.end();
    this.#socket.resume();
  }

  protected sendWhole(status: number, fields: string[], body: string): void {
    const length = String(Buffer.byteLength(body));
    const head = headOf(status, [...fields, 'content-length', length, 'connection', 'close']);
    this.#socket.end(Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)]));
    this.#socket.resume();
  }

  protected sendUpgraded(status: number, fields: string[], backend: Duplex): void {
    this.#switched = true;
    const client = this.#socket;
    client.write(headOf(status, [...fields, 'connection', 'Upgrade', 'upgrade', 'websocket']), 'latin1');
    let received = 0;
    let sent = 0;
    if (this.#early.length > 0) client.unshift(this.#early);
    client.on('data', (chunk: Buffer) => {
      received += chunk.length;
      this.count(received, sent);
    });
    backend.on('data', (chunk: Buffer) => {
      sent += chunk.length;
      this.count(received, sent);
    });
    pipeline(client, backend, client, () => {
      backend.destroy();
      client.destroy();
    });
  }

  protected cut(): void {
    this.#socket.destroy();
  }

  bodyProgress(): number {
    return 0;
  }

  awaitsBody(): boolean {
    return false;
  }

  mayTake(): boolean {
    return true;
  }
}

/** A head by hand: after an upgrade node:http has let the socket go. Values were checked where they came from. */
function headOf(status: number, fields: Fields): string {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
  for (let at = 0; at + 1 < fields.length; at += 2) {
    head += `${fields[at]}: ${(fields[at + 1] ?? '').replace(/[\r\n\0]/g, ' ')}\r\n`;
  }
  return `${head}\r\n`;
}
