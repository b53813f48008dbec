import type { CelPrincipalFacts, CelRouteFacts } from '../../src/policy/cel-context.ts';
import type { CompiledAuth } from '../../src/policy/model.ts';
import type { Fields, GatewayRequest } from '../request.ts';

/** Who the request is from: what CEL sees of it is all there is. */
export type Principal = CelPrincipalFacts;

export interface AuthAllowed {
  readonly allowed: true;
  readonly principal: Principal;
  /** `auth.metadata` in CEL. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Set for the backend, after every one of `removed` was taken away. Names in lower case. */
  readonly set: Fields;
  /** Taken from the client's request, among them the credentials' own fields and everything a policy may set. Lower case. */
  readonly removed: readonly string[];
  /** Query parameters and cookies with credentials, taken out before the backend sees them. */
  readonly removedQuery: readonly string[];
  readonly removedCookies: readonly string[];
}

export interface AuthDenied {
  readonly allowed: false;
  readonly status: number;
  /** Stable code for logs, metrics and the problem document, such as `CREDENTIALS_MISSING`. */
  readonly code: string;
  readonly fields: Fields;
  readonly contentType: string;
  readonly body: string;
  /** `body` when it is text of the policy's own: what calls of gRPC get as their message. */
  readonly message?: string;
  /** Known when authentication succeeded and authorisation did not. */
  readonly principal?: Principal;
}

export type AuthDecision = AuthAllowed | AuthDenied;

/**
 * Decides who may pass. Synchronous whenever everything is known here (keys, cached tokens): the caller must not pay for a promise
 * then. Never rejects: what fails is a denial with a code. One engine for the gateway, the plug-in and the external authorisation
 * servers.
 */
export interface Authorizer {
  /** @param place what CEL sees as `route` and `destination`; made once per rule */
  decide(
    auth: CompiledAuth,
    request: GatewayRequest,
    place?: RequestPlace,
  ): AuthDecision | Promise<AuthDecision>;
}

/** Where a request was routed to. */
export interface RequestPlace {
  readonly route?: CelRouteFacts;
  /** Port of the listener. */
  readonly port?: number;
}

/** Passed when a rule has no auth: same shape, nobody known. */
export const NOBODY: Principal = {
  name: 'anonymous',
  rule: '',
  method: 'none',
  roles: [],
  scopes: [],
  identity: {},
};
