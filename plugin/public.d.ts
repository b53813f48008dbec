/**
 * The types of `portolan/plugin`, as services see them; the build puts them beside the module. Kept by hand, so that they are one
 * short file without the engine behind it; public.test.ts holds them equal to the module's own.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

export interface PortolanOptions {
  /** Socket of the agent on this machine: `unix:/var/lib/portolan/plugin.sock`, as its `gateway.plugin.socket` says. */
  readonly agent: string;
  /** Proxies in front of this service, CIDR: their `X-Forwarded-For` and `X-Forwarded-Proto` are believed. */
  readonly trustedProxies?: readonly string[];
  /** Ranges that key sets and the like may lie in although they are loopback, link-local or metadata. */
  readonly allowedRanges?: readonly string[];
  /** Decides by this AuthPolicy, `namespace/name`, whatever route matches. */
  readonly policy?: string;
  /** A line per request: off (default), to standard output, or to a file. The format is that of the GatewayPolicy. */
  readonly accessLog?: 'off' | 'stdout' | { readonly file: string };
  readonly log?: { warn(details: object, message: string): void };
}

/** The policies of this cluster's gateway inside a service. One per process. */
export interface Portolan {
  /** Resolves when configuration and keys are here; rejects after `timeoutMs` (default 10 s). Until then everybody gets 503. */
  ready(timeoutMs?: number): Promise<void>;
  /** For frameworks without an adapter here. Synchronous when everything is known; never rejects. */
  decide(asked: AskedRequest): Ruling | Promise<Ruling>;
  readonly trustedProxies: { has(address: string): boolean };
  readonly policy: string | undefined;
  /** Prometheus text. */
  metrics(): string;
  /** The agent answers; without it, what it last said holds. */
  readonly connected: boolean;
  /** Gives what was counted to the agent. */
  close(): Promise<void>;
}

/** @throws an error with a `code`: `CONFIG_INVALID` when `agent` is no socket, `NODE_TOO_OLD` before Node.js 22.12 */
export function createPortolan(options: PortolanOptions): Portolan;

/** For plain node:http: `createServer(protect(portolan, handler))`. */
export function protect(portolan: Portolan, handler: RequestListener): RequestListener;

/** For express, connect and whatever takes their middleware: `app.use(middleware(portolan))`, before everything it protects. */
export function middleware(portolan: Portolan): ConnectMiddleware;
export type ConnectMiddleware = (message: IncomingMessage, reply: ServerResponse, next: () => void) => void;

/** For fastify: `fastifyPortolan(app, portolan)` before routes are added; handlers find the caller as `request.raw.portolan`. */
export function fastifyPortolan(app: FastifyInstance, portolan: Portolan): void;

/** What of fastify is used. */
interface FastifyInstance {
  addHook(
    name: 'onRequest',
    hook: (
      request: { readonly raw: IncomingMessage; readonly query: unknown },
      reply: {
        header(name: string, value: string): unknown;
        code(status: number): { headers(values: Record<string, string>): { send(body: string): unknown } };
      },
      done: () => void,
    ) => void,
  ): unknown;
}

/** What a handler finds as `request.portolan`. */
export interface Caller {
  /** `anonymous` where the route has no policy. */
  readonly principal: string;
  readonly method: string;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  /** Public id of an API key; never the key. */
  readonly keyId?: string;
  readonly plan?: string;
  /** Claims, attributes. */
  readonly identity: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly requestId: string;
}

declare module 'node:http' {
  interface IncomingMessage {
    portolan?: Caller;
  }
}

/** A request, for `decide`. */
export interface AskedRequest {
  /** Absent: made here. */
  readonly id?: string | undefined;
  readonly method: string;
  readonly scheme: 'http' | 'https';
  /** Host field or `:authority`. */
  readonly authority: string;
  /** Origin form, with query. */
  readonly target: string;
  /** `name, value, name, value …`: names in lower case. */
  readonly fields: readonly string[];
  readonly httpVersion: '1.0' | '1.1' | '2';
  readonly source: {
    readonly address: string;
    readonly port: number;
    /** The peer of the TCP connection. */
    readonly peer: string;
    /** The peer is a trusted proxy: its identity headers may be believed. */
    readonly trusted: boolean;
  };
  readonly tls:
    | {
        readonly serverName: string | undefined;
        readonly protocol: string;
        /** DER of the verified client certificate and its issuers, leaf first; empty: none was shown. */
        peerChain(): readonly Uint8Array[];
      }
    | undefined;
  /** `namespace/name` of an AuthPolicy, which then holds whatever route matches. */
  readonly policy?: string | undefined;
}

export type Ruling =
  | {
      readonly allowed: true;
      readonly principal: Principal;
      /** Absent: the route has no policy. */
      readonly decision: Admission | undefined;
      /** Names of headers that policies set, and so no client may: to be taken from the request. Lower case. */
      readonly identityNames: ReadonlySet<string>;
      readonly route: string;
      readonly requestId: string;
      /** For the client's answer: what limits leave. Names in lower case. */
      readonly answerFields: readonly string[];
    }
  | { readonly allowed: false; readonly denied: Refusal; readonly requestId: string };

interface Principal {
  /** `anonymous`, a key's principal, the subject of a token, the name in a certificate. */
  readonly name: string;
  readonly rule: string;
  readonly method: string;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  readonly keyId?: string;
  readonly plan?: string;
  readonly identity: Readonly<Record<string, unknown>>;
}

interface Admission {
  readonly allowed: true;
  readonly principal: Principal;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Headers to set, `name, value, …`, after every one of `removed` was taken away. */
  readonly set: readonly string[];
  readonly removed: readonly string[];
  /** Query parameters and cookies with credentials, to be taken out. */
  readonly removedQuery: readonly string[];
  readonly removedCookies: readonly string[];
}

interface Refusal {
  readonly allowed: false;
  readonly status: number;
  /** Such as `CREDENTIALS_MISSING`: docs/reference/errors.md. */
  readonly code: string;
  readonly fields: readonly string[];
  readonly contentType: string;
  readonly body: string;
  /** `body` when it is text of the policy's own: what calls of gRPC get as their message. */
  readonly message?: string;
  /** Known when authentication succeeded and authorisation did not. */
  readonly principal?: Principal;
}
