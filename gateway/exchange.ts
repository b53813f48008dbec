import type { Duplex } from 'node:stream';
import type { ErrorCode } from '../src/errors/table.ts';
import type { CompiledMatch } from '../src/policy/model.ts';
import { answerFields } from './answer-fields.ts';
import type { AuthAllowed, AuthDenied, Principal } from './auth/contract.ts';
import type { Connection, GatewayCore } from './core.ts';
import { denialFields, isGrpc } from './grpc.ts';
import type { Normalised, RawRequest } from './normalise.ts';
import type { AnswerCost } from './quota/answer-cost.ts';
import type { QuotaDecision } from './quota/contract.ts';
import { problemAnswer, titleOf } from './refusal.ts';
import type { Fields, GatewayRequest } from './request.ts';
import type { ServedFilters, ServedPort, ServedRule, Serving } from './serving.ts';
import { NO_SLOT } from './slots.ts';
import { continueTrace, type TraceContext } from './trace-context.ts';
import { makeRoom } from './untaken.ts';
import type {
  BackendChoice,
  ForwardError,
  Forwarding,
  ForwardSink,
  RequestBody,
  ResponseHead,
} from './upstream/contract.ts';

/** Status in logs of a request whose client went away before there was an answer, as nginx has it. Never on the wire. */
const CLIENT_GONE_STATUS = 499;
const NO_FIELDS: Fields = [];

/**
 * One request and its answer, from the first step to the record in the log. What differs between HTTP/1.1, upgrades and HTTP/2 is
 * in the subclasses: how octets get to the client.
 */
export abstract class Exchange implements ForwardSink {
  readonly core: GatewayCore;
  readonly connection: Connection;
  /** The configuration at its start; it holds to the end. */
  readonly serving: Serving;
  readonly port: ServedPort;
  readonly startMs: number;
  readonly wallMs: number;

  normal: Normalised | undefined;
  request: GatewayRequest | undefined;
  listenerId: string;
  served: ServedRule | undefined;
  match: CompiledMatch | undefined;
  allowed: AuthAllowed | undefined;
  principal: Principal | undefined;
  trace: TraceContext | undefined;
  choice: BackendChoice | undefined;
  targetFilters: ServedFilters | undefined;
  /** What the client brought; undefined: none, or no persistence. */
  session: string | undefined;
  /** The answer is to a question about CORS and has its fields already. */
  preflight = false;
  forwarding: Forwarding | undefined;
  /** What the answer says of limits; empty: nothing. */
  limitFields: Fields = NO_FIELDS;
  /** Reads what the answer says it cost. */
  cost: AnswerCost | undefined;
  /** Name of the limit that refused. */
  #limit = '';
  /** `websocket`, when the client asks to leave HTTP. */
  upgrade: string | undefined;

  authorisedMs = 0;
  /** Octets of the request's body so far. */
  received = 0;
  /** The head of an answer was given to the transport. */
  headSent = false;
  /** The answer is complete as far as the gateway goes. */
  answered = false;
  /** Recorded; nothing more may happen. */
  over = false;
  #status = 0;
  #code = '';
  #sent = 0;
  #firstByteMs = 0;
  #endpoint = '';
  #retries = 0;

  constructor(core: GatewayCore, connection: Connection) {
    this.core = core;
    this.connection = connection;
    this.serving = connection.port.serving;
    this.port = connection.port.served;
    this.listenerId = this.port.listenerId;
    this.startMs = core.deps.monotonicMs();
    this.wallMs = core.deps.wallMs();
    core.open += 1;
    connection.open += 1;
    connection.latest = this;
  }

  // --- of the transport

  abstract raw(): RawRequest;
  /** Takes the body; called at most once. */
  abstract takeBody(): RequestBody | undefined;
  /** The client waits for 100 before it sends the body. */
  abstract sendContinue(): void;
  protected abstract sendInformational(status: number, fields: Fields): void;
  protected abstract sendHead(status: number, fields: string[], bodiless: boolean): void;
  /** False: enough for now. */
  protected abstract sendData(chunk: Uint8Array): boolean;
  protected abstract sendEnd(trailers: Fields): void;
  /** An answer of the gateway itself, at once. */
  protected abstract sendWhole(status: number, fields: string[], body: string): void;
  protected abstract sendUpgraded(status: number, fields: string[], backend: Duplex): void;
  /** Ends it so that the client notices that the answer is not whole. */
  protected abstract cut(): void;

  // --- answers of the backend

  informational(status: number, fields: Fields): void {
    if (!this.over && !this.headSent) this.sendInformational(status, fields);
  }

  head(head: ResponseHead): void {
    if (this.over || this.headSent) return;
    this.headSent = true;
    this.#firstByteMs = this.core.deps.monotonicMs();
    this.#status = head.status;
    this.#endpoint = head.endpoint;
    this.#retries = head.retries;
    this.cost?.head(head.fields);
    this.sendHead(head.status, answerFields(this, head.fields, head.endpoint), head.bodiless);
  }

  data(chunk: Uint8Array): boolean {
    if (this.over || this.answered) return true;
    this.#sent += chunk.length;
    this.cost?.data(chunk);
    return this.sendData(chunk);
  }

  end(trailers: Fields): void {
    if (this.over || this.answered) return;
    this.answered = true;
    this.sendEnd(trailers);
    this.#awaitTaking();
  }

  error(error: ForwardError): void {
    if (this.over || this.answered) return;
    this.#retries = error.retries;
    if (!this.headSent) {
      this.refuse(error.code, error.status, error.message);
      return;
    }
    this.#code = error.code;
    this.answered = true;
    this.cut();
  }

  upgraded(head: ResponseHead, socket: Duplex): void {
    if (this.over || this.headSent) {
      socket.destroy();
      return;
    }
    this.headSent = true;
    this.answered = true;
    this.#firstByteMs = this.core.deps.monotonicMs();
    this.#status = head.status;
    this.#endpoint = head.endpoint;
    this.#retries = head.retries;
    this.sendUpgraded(head.status, answerFields(this, head.fields, head.endpoint), socket);
  }

  // --- answers of the gateway

  /** A problem document (RFC 9457), or a gRPC status where gRPC was spoken. */
  refuse(code: ErrorCode | string, status: number, detail: string): void {
    if (this.over || this.headSent) return;
    this.#code = code;
    const answer = problemAnswer(code, status, detail, this.request?.id, isGrpc(this.normal));
    this.answer(answer.status, answer.fields, answer.body, status);
  }

  /** Too many requests, or nobody knows. The problem names the limits as the IETF draft does (`violated-policies`). */
  limited({ code, status, limit, fields }: QuotaDecision): void {
    if (this.over || this.headSent) return;
    this.#code = code;
    this.#limit = limit;
    this.limitFields = fields;
    const more = { 'violated-policies': [limit] };
    const answer = problemAnswer(code, status, '', this.request?.id, isGrpc(this.normal), more);
    this.answer(answer.status, answer.fields, answer.body, status);
  }

  deny(denied: AuthDenied): void {
    this.principal = denied.principal;
    this.#code = denied.code;
    if (isGrpc(this.normal)) {
      const otherwise = `${denied.code}: ${titleOf(denied.code)}`;
      this.answer(200, denialFields(denied, otherwise), '', denied.status);
      return;
    }
    const fields = [...denied.fields];
    if (denied.body !== '') fields.push('content-type', denied.contentType);
    this.answer(denied.status, fields, denied.body);
  }

  /** @param logged status for the log, where it differs from the one on the wire */
  answer(status: number, fields: readonly string[], body: string, logged = status): void {
    if (this.over || this.headSent) return;
    this.headSent = true;
    this.answered = true;
    this.#status = logged;
    const full = answerFields(this, fields, undefined);
    if (this.request !== undefined) full.push('x-request-id', this.request.id);
    this.#sent = Buffer.byteLength(body);
    this.sendWhole(status, full, body);
    this.#awaitTaking();
  }

  /** Breaks off an exchange that goes on: before an answer with this, after its head by cutting. */
  fail(code: ErrorCode, status: number, detail: string): void {
    if (this.over) return;
    const { forwarding } = this;
    this.forwarding = undefined;
    forwarding?.abort();
    if (!this.headSent) this.refuse(code, status, detail);
    else if (!this.answered) {
      this.#code = code;
      this.answered = true;
      this.cut();
    }
  }

  /** The client does not take its answer. Also when the gateway has nothing more to add to it: what waits would wait for ever. */
  abandon(): void {
    if (this.over) return;
    if (!this.answered) {
      this.fail('REQUEST_TIMEOUT', 408, 'The answer was not taken.');
      return;
    }
    if (this.#code === '') this.#code = 'REQUEST_TIMEOUT';
    this.cut();
  }

  // --- its end

  /** The transport has written the last octet, or lost the client. Called once or more. */
  closed(whole: boolean): void {
    if (this.over) return;
    if (!whole) {
      this.connection.givenUp += 1;
      if (!this.answered) this.forwarding?.abort();
      if (this.#code === '' && !(this.answered && this.#status === 101)) this.#code = 'CLIENT_GONE';
      if (this.#status === 0) this.#status = CLIENT_GONE_STATUS;
    }
    this.finish();
  }

  /** Octets of an upgraded connection. */
  count(received: number, sent: number): void {
    this.received = received;
    this.#sent = sent;
  }

  protected finish(): void {
    if (this.over) return;
    this.over = true;
    const { core, served, choice } = this;
    core.open -= 1;
    this.connection.open -= 1;
    if (this.connection.latest === this) this.connection.latest = undefined;
    this.bodySlot = core.bodies.release(this.bodySlot);
    this.stalledSlot = core.stalled.release(this.stalledSlot);
    this.taken();
    this.cost?.end();
    this.cost = undefined;
    const endMs = core.deps.monotonicMs();
    this.connection.restingSinceMs = endMs;
    const trace = this.trace ?? continueTrace(undefined, core.deps.random);
    core.deps.telemetry.ended({
      request: this.request,
      listener: this.listenerId,
      rule: served?.rule.id ?? '',
      route: served?.route ?? '',
      principal: this.principal,
      status: this.#status,
      code: this.#code,
      limit: this.#limit,
      received: this.received,
      sent: this.#sent,
      startMs: this.startMs,
      authorisedMs: this.authorisedMs,
      firstByteMs: this.#firstByteMs,
      endMs,
      backend: choice?.target.backend ?? '',
      endpoint: this.#endpoint,
      retries: this.#retries,
      traceId: trace.traceId,
      spanId: trace.spanId,
    });
    this.forwarding = undefined;
  }

  // --- watched by the sweep (`core.ts`)

  /** Grows with every octet of the body that the client sends. */
  abstract bodyProgress(): number;
  /** It is the client's turn to send. */
  abstract awaitsBody(): boolean;
  bodySlot: number = NO_SLOT;
  stalledSlot: number = NO_SLOT;
  bodyMark = -1;
  bodyMarkMs = 0;
  /** It is the client's turn to take the answer: no other one of its connection goes before. */
  abstract mayTake(): boolean;
  /** Since when the client does not take the answer; 0: since after the last sweep. */
  stalledMs = 0;

  #awaitTaking(): void {
    if (!this.over) this.stall();
  }

  protected stall(): void {
    // Nearly every answer is taken before a sweep comes: the time is not asked for here.
    this.stalledMs = 0;
    if (this.stalledSlot === NO_SLOT) this.stalledSlot = this.core.stalled.put(this);
  }

  /** Octets of the answer that are held for the client, as of when it last took less than there was. */
  untaken = 0;

  /** The transport takes no more for now. @param octets that it holds */
  protected holds(octets: number): void {
    this.stall();
    const { core, connection } = this;
    core.untaken += octets - this.untaken;
    connection.untaken += octets - this.untaken;
    this.untaken = octets;
    if (core.untaken > core.maxUntaken) makeRoom(core);
  }

  taken(): void {
    if (this.untaken === 0) return;
    this.core.untaken -= this.untaken;
    this.connection.untaken -= this.untaken;
    this.untaken = 0;
  }

  protected drained(): void {
    this.taken();
    this.stalledSlot = this.core.stalled.release(this.stalledSlot);
    this.forwarding?.drained();
  }

  protected get noFields(): Fields {
    return NO_FIELDS;
  }
}
