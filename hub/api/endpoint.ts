import { z } from 'zod';
import { PortolanError } from '../../src/errors/error.ts';
import { violationsOf } from '../../src/resources/violations.ts';
import type { Actor, Store } from '../store/contract.ts';
import type { Action } from './permissions.ts';
import type { Principal } from './principal.ts';
import type { HubServices } from './services.ts';
import type { WriteLane } from './write-lane.ts';

/** What every handler may use. */
export interface ApiContext {
  readonly store: Store;
  readonly services: HubServices;
  readonly lane: WriteLane;
  readonly clock: Clock;
  readonly streams: StreamLimits;
  readonly randomBytes: (count: number) => Uint8Array;
}

export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  nowMs(): number;
}

export interface StreamLimits {
  /** Milliseconds between heartbeat comments on an event stream. */
  readonly heartbeatMs: number;
  /** Event streams open at once. */
  readonly maximum: number;
  /** Those of one token; `maximum` when left out. */
  readonly maximumPerToken?: number;
}

/** Who may call an endpoint; checked before the request's content is looked at. */
type Access =
  /** No token needed. */
  | { readonly kind: 'public' }
  /** Any valid token; the handler checks what the body asks for with `demand`. */
  | { readonly kind: 'authenticated' }
  /** A role in the namespace named by the path. */
  | { readonly kind: 'namespace'; readonly action: Action }
  /** A role in some namespace; the handler shows only what the caller may see. */
  | { readonly kind: 'somewhere'; readonly action: Action }
  /** A role in every namespace: for what belongs to the hub as a whole. */
  | { readonly kind: 'everywhere'; readonly action: Action };

export interface ApiRequest<Q, B> {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Q;
  readonly body: B;
  readonly principal: Principal;
  readonly actor: Actor;
  readonly header: (name: string) => string | undefined;
  /** Aborts when the client goes away or the API closes. */
  readonly signal: AbortSignal;
}

export type Reply =
  | { readonly status: number; readonly json: unknown; readonly headers?: Readonly<Record<string, string>> }
  | { readonly status: number; readonly text: string; readonly contentType: string }
  | { readonly status: 200; readonly events: AsyncIterable<string> }
  | { readonly status: 204 };

interface ReplyDoc {
  readonly description: string;
  /** Name of a component schema, or a schema of its own. */
  readonly schema?: z.ZodType;
  readonly contentType?: string;
}

/** One operation: its route, its documentation, who may call it, and what it does. */
export interface Endpoint {
  /** `operationId`, unique. */
  readonly id: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** OpenAPI path, parameters in braces. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly access: Access;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** The body is a file (application/octet-stream) of at most so many octets, handed over as a Uint8Array. */
  readonly file?: { readonly maxOctets: number };
  readonly replies: Readonly<Record<number, ReplyDoc>>;
  readonly handle: (raw: ApiRequest<unknown, unknown>, context: ApiContext) => Promise<Reply>;
}

type Definition<Q extends z.ZodObject, B> = Omit<Endpoint, 'query' | 'body' | 'file' | 'handle'> & {
  readonly query?: Q;
  readonly body?: {
    readonly schema: z.ZodType;
    readonly parse: (value: unknown, params: Readonly<Record<string, string>>) => B;
  };
  readonly handle: (request: ApiRequest<z.output<Q>, B>, context: ApiContext) => Promise<Reply>;
};

/** Ties query, body and handler together by type; the result parses both before the handler sees them. */
export function endpoint<Q extends z.ZodObject, B = undefined>(definition: Definition<Q, B>): Endpoint {
  const { query, body, handle, ...rest } = definition;
  return {
    ...rest,
    ...(query === undefined ? {} : { query }),
    ...(body === undefined ? {} : { body: body.schema }),
    handle: async (raw, context) => {
      const parsedQuery = parse(query ?? NO_QUERY, raw.query, 'query parameter');
      const parsedBody = body === undefined ? undefined : body.parse(raw.body, raw.params);
      // Both were parsed by the very schemas the types come from; where there is none the handler's type says undefined.
      return handle({ ...raw, query: parsedQuery as z.output<Q>, body: parsedBody as B }, context);
    },
  };
}

const NO_QUERY = z.strictObject({});

/** As `endpoint`, for an operation that is sent a file. */
export function fileEndpoint<Q extends z.ZodObject>(
  definition: Omit<Definition<Q, Uint8Array>, 'body'> & { readonly file: { readonly maxOctets: number } },
): Endpoint {
  const { file, ...rest } = definition;
  const parse = (value: unknown): Uint8Array => (value instanceof Uint8Array ? value : new Uint8Array());
  const { body: _described, ...made } = endpoint({ ...rest, body: { schema: z.unknown(), parse } });
  return { ...made, file };
}

/** A body read by one schema. */
export function jsonBody<S extends z.ZodType>(
  schema: S,
): { readonly schema: S; readonly parse: (value: unknown) => z.output<S> } {
  return { schema, parse: (value) => parse(schema, value, 'body') };
}

function parse<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const violations = violationsOf(result.error.issues, schema, value);
  const first = violations[0];
  throw new PortolanError(
    'VALIDATION_FAILED',
    `${what} ${first?.path ?? ''} ${first?.message ?? 'does not fit its schema'}`,
    {
      violations,
      ...(first === undefined ? {} : { fix: first.fix }),
    },
  );
}
