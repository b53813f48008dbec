import type { Socket } from 'node:net';
import type { Fields } from '../../request.ts';
import type { BodyConsumer, BodySource } from '../body-source.ts';
import type { Attempt, Carrier, TryFailure } from '../transport.ts';
import type { ParsedHead } from './head.ts';
import { expectsContinue, requestHead } from './request-head.ts';
import { type ResponseHandler, ResponseReader } from './response-reader.ts';

/** Octets of an answer nobody wants that are read to keep its connection. */
const DISCARD_OCTETS = 65_536;
/** How long a body waits for the 100 its client asked for (RFC 9110 §10.1.1: not for ever). */
const CONTINUE_MS = 1_000;
const CRLF = '\r\n';

/** What a connection asks of its pool. */
export interface ConnectionOwner {
  /** The answer is whole and the connection may be used again. */
  free(connection: H1Connection): void;
  /** It is closed, or carries another protocol and closes with it. Called once. */
  gone(connection: H1Connection): void;
  after(delayMs: number, task: () => void): () => void;
}

/** One HTTP/1.1 connection to a backend: one request and its answer at a time. */
export class H1Connection implements ResponseHandler, BodyConsumer, Carrier {
  readonly #owner: ConnectionOwner;
  readonly #reader: ResponseReader;
  #socket: Socket | undefined;
  /** Segments lie in a buffer that the next one overwrites. */
  #borrowed = false;
  #attempt: Attempt | undefined;
  #body: BodySource | undefined;
  #requestDone = true;
  #chunked = false;
  #bodyLeft = 0;
  #stopWaiting: (() => void) | undefined;
  #keepAlive = true;
  #paused = false;
  #discarding = -1;
  #used = false;
  #closed = false;
  /** Seconds the backend said it keeps an idle connection; 0: unknown. */
  idleSeconds = 0;
  /** Monotonic milliseconds after which it is not used again; set by the pool. */
  expiresMs = 0;

  constructor(owner: ConnectionOwner) {
    this.#owner = owner;
    this.#reader = new ResponseReader(this);
  }

  /** @param borrowed `read` is called by the socket's `onread`; else this listens to `data` */
  opened(socket: Socket, borrowed: boolean): void {
    this.#socket = socket;
    this.#borrowed = borrowed;
    if (!borrowed) socket.on('data', this.#onData);
    socket.on('drain', this.#onDrain);
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
  }

  get usable(): boolean {
    return !this.#closed && this.#reader.idle && this.#socket?.writable === true;
  }

  send(attempt: Attempt): void {
    const { request } = attempt;
    const socket = this.#socket;
    const expecting = expectsContinue(request);
    const head = requestHead(request, expecting);
    attempt.carriedBy(this);
    if (head === undefined || socket === undefined) {
      this.#owner.free(this);
      attempt.failed({
        kind: 'request',
        message: 'The request has a field that cannot be sent to the backend.',
      });
      return;
    }
    this.#attempt = attempt;
    this.#keepAlive = true;
    this.#reader.begin(request.method, request.upgrade !== undefined);
    const { body } = attempt;
    if (body === undefined) {
      this.#requestDone = true;
      socket.write(head, 'latin1');
      return;
    }
    this.#requestDone = false;
    this.#chunked = body.length === undefined;
    this.#bodyLeft = body.length ?? 0;
    this.#body = body;
    if (expecting) {
      socket.write(head, 'latin1');
      this.#stopWaiting = this.#owner.after(CONTINUE_MS, () => this.#sendBody());
      return;
    }
    // A body that came with its head leaves with its head, in one write.
    socket.cork();
    socket.write(head, 'latin1');
    body.attach(this);
    process.nextTick(uncork, socket);
  }

  /** A segment. @param buffer octets from 0 to `length` */
  read(buffer: Buffer, length: number): void {
    this.#reader.read(buffer, length);
  }

  // --- Carrier

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket?.resume();
  }

  abort(): void {
    this.#attempt = undefined;
    this.#letBodyGo();
    this.destroy();
  }

  discard(): void {
    this.#attempt = undefined;
    this.#letBodyGo();
    if (!this.#requestDone) {
      this.destroy();
      return;
    }
    this.#discarding = DISCARD_OCTETS;
    this.resume();
  }

  destroy(): void {
    this.#reader.stop();
    this.#socket?.destroy();
    this.#gone();
  }

  // --- ResponseHandler

  informational(head: ParsedHead): void {
    if (head.status === 100 && this.#stopWaiting !== undefined) this.#sendBody();
    this.#attempt?.informational(head.status, head.fields);
  }

  response(head: ParsedHead, bodiless: boolean): void {
    this.#keepAlive = head.keepAlive;
    this.idleSeconds = head.idleSeconds;
    if (this.#stopWaiting !== undefined) {
      // The answer came instead of a 100: the body stays where it is.
      this.#stopWaiting();
      this.#stopWaiting = undefined;
    }
    this.#attempt?.response(head.status, head.fields, bodiless);
  }

  data(buffer: Buffer, start: number, end: number): void {
    if (this.#discarding >= 0) {
      this.#discarding -= end - start;
      if (this.#discarding < 0) this.destroy();
      return;
    }
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    const chunk = this.#borrowed ? copied(buffer, start, end) : buffer.subarray(start, end);
    if (!attempt.data(chunk) && this.#attempt === attempt && !this.#paused) {
      this.#paused = true;
      this.#socket?.pause();
    }
  }

  complete(trailers: Fields, surplus: boolean): void {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    this.#discarding = -1;
    this.#used = true;
    if (!this.#requestDone) this.#letBodyGo();
    if (!this.#keepAlive || surplus || !this.#requestDone || this.#closed) this.destroy();
    else {
      this.resume();
      this.#owner.free(this);
    }
    attempt?.complete(trailers);
  }

  switched(head: ParsedHead, rest: Buffer): void {
    const attempt = this.#attempt;
    const socket = this.#socket;
    this.#attempt = undefined;
    if (attempt === undefined || socket === undefined) {
      this.destroy();
      return;
    }
    // Its errors and its close stay with this: the pool counts it until it is gone.
    socket.off('data', this.#onData).off('drain', this.#onDrain).off('end', this.#onEnd);
    socket.pause();
    if (rest.length > 0) socket.unshift(rest);
    attempt.switched(head.status, head.fields, socket);
  }

  broken(what: string): void {
    this.#fail({ kind: 'broken', message: `The backend sent ${what}.` });
  }

  // --- BodyConsumer

  bodyChunk(chunk: Uint8Array): boolean {
    const socket = this.#socket;
    if (socket === undefined || this.#requestDone) return true;
    if (!this.#chunked) {
      this.#bodyLeft -= chunk.length;
      if (this.#bodyLeft < 0) {
        this.#wrongLength();
        return false;
      }
      return socket.write(chunk);
    }
    if (chunk.length === 0) return true;
    socket.cork();
    socket.write(chunk.length.toString(16) + CRLF, 'latin1');
    socket.write(chunk);
    const more = socket.write(CRLF, 'latin1');
    socket.uncork();
    return more;
  }

  bodyEnd(): void {
    if (this.#requestDone) return;
    if (this.#chunked) this.#socket?.write('0\r\n\r\n', 'latin1');
    else if (this.#bodyLeft > 0) {
      this.#wrongLength();
      return;
    }
    this.#requestDone = true;
    this.#body = undefined;
  }

  bodyFailed(): void {
    this.#fail({ kind: 'request', message: 'The client broke off in the middle of its request.' });
  }

  // --- socket

  readonly #onData = (chunk: Buffer): void => {
    this.#reader.read(chunk, chunk.length);
  };

  readonly #onDrain = (): void => {
    this.#body?.resume();
  };

  readonly #onEnd = (): void => {
    this.#reader.end();
    this.#fail(undefined);
  };

  readonly #onError = (error: NodeJS.ErrnoException): void => {
    this.#fail({
      kind: 'broken',
      message: `The connection to the backend broke (${error.code ?? error.message}).`,
    });
  };

  readonly #onClose = (): void => {
    this.#fail(undefined);
  };

  /** @param failure undefined: it was closed */
  #fail(failure: TryFailure | undefined): void {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    this.#letBodyGo();
    const untouched = this.#used && !this.#reader.answered;
    this.destroy();
    if (attempt === undefined) return;
    const told = failure ?? {
      kind: 'broken' as const,
      message: 'The backend closed the connection before its answer was whole.',
    };
    attempt.failed(untouched && told.kind === 'broken' ? { kind: 'stale', message: told.message } : told);
  }

  #sendBody(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
    this.#body?.attach(this);
  }

  #letBodyGo(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
    this.#body?.detach();
    this.#body = undefined;
  }

  #wrongLength(): void {
    this.#fail({ kind: 'request', message: 'The body is not as long as its content-length says.' });
  }

  #gone(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#owner.gone(this);
  }
}

function uncork(socket: Socket): void {
  socket.uncork();
}

function copied(buffer: Buffer, start: number, end: number): Buffer {
  const chunk = Buffer.allocUnsafe(end - start);
  buffer.copy(chunk, 0, start, end);
  return chunk;
}
