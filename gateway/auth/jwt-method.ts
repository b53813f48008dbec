import { hash } from 'node:crypto';
import type { CryptoKey, JWTPayload } from 'jose';
import type { AuthenticationMethod } from '../../src/policy/model.ts';
import { type Attempt, FAILURES, type Failure, isFailure, type Method } from './attempt.ts';
import { claimAt, namesAt } from './claims.ts';
import { DOUBTFUL, findCredential } from './credentials.ts';
import type { FailureBudget } from './failure-budget.ts';
import { type KeySource, KeysUnavailable, KeyUnknown } from './jwks.ts';
import type { VerifiedTokens } from './verified-tokens.ts';

type Jwt = Extract<AuthenticationMethod, { type: 'jwt' }>;

/** Signature algorithms with a public key. What needs a shared secret is never taken: its key would lie at every gateway. */
export const ASYMMETRIC_ALGORITHMS: readonly string[] = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];

/** A longer token is refused before it is decoded. */
const MAX_TOKEN_LENGTH = 16_384;
const MAX_HEADER_LENGTH = 4_096;
/** A token is looked at again after this long, even when it lasts longer: keys may have been withdrawn. */
const MAX_KEPT_MS = 60_000;
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

export interface JwtDeps {
  readonly rule: string;
  readonly keys: KeySource;
  readonly budget: FailureBudget;
  /** Of this rule and its keys alone. */
  readonly known: VerifiedTokens;
}

/**
 * A JSON Web Token (RFC 7519, checked as RFC 8725 says): issuer and algorithms are the policy's, keys the issuer's; what the token says
 * about keys itself (`jwk`, `jku`, `x5u`, `x5c`) is not looked at. Synchronous for a token that was verified within the last minute.
 */
export function jwtMethod(method: Jwt, { rule, keys, budget, known }: JwtDeps): Method {
  const algorithms = method.algorithms.filter((name) => ASYMMETRIC_ALGORITHMS.includes(name));
  const underWay = new Map<string, Promise<Attempt>>();
  // Loaded where a policy takes tokens, and no later: the first caller does not wait for it.
  import('jose').catch(() => undefined);

  async function verify(token: string, digest: string, source: string, wallMs: number): Promise<Attempt> {
    const { generation } = keys;
    const payload = await verifiedPayload(token, method, algorithms, keys, wallMs);
    const attempt = 'failed' in payload ? payload : principalOf(payload.claims, method, rule);
    if (isFailure(attempt)) {
      if (attempt !== FAILURES.unavailable) budget.failed(source);
      return attempt;
    }
    if (!('failed' in payload)) {
      const untilMs = Math.min(wallMs + MAX_KEPT_MS, payload.endsMs);
      // The first token of all is verified with the first keys.
      known.keep(digest, attempt, untilMs, generation === 0 ? keys.generation : generation);
    }
    return attempt;
  }

  return {
    attempt(request) {
      const token = findCredential(method.credentials, request);
      if (token === undefined) return FAILURES.missing;
      if (token === DOUBTFUL) return FAILURES.doubtful;
      if (token.length > MAX_TOKEN_LENGTH) return FAILURES.invalid;
      const digest = hash('sha256', token, 'base64');
      const principal = known.find(digest, request.wallMs, keys.generation);
      if (principal !== undefined) return principal;
      const { address } = request.source;
      if (!COMPACT.test(token)) return FAILURES.invalid;
      if (!budget.mayTry(address)) return FAILURES.throttled;
      let verifying = underWay.get(digest);
      if (verifying === undefined) {
        verifying = verify(token, digest, address, request.wallMs).finally(() => underWay.delete(digest));
        underWay.set(digest, verifying);
      }
      return verifying;
    },
  };
}

type Verdict = Failure | { readonly claims: JWTPayload; readonly endsMs: number };

async function verifiedPayload(
  token: string,
  method: Jwt,
  algorithms: readonly string[],
  keys: KeySource,
  wallMs: number,
): Promise<Verdict> {
  const { decodeProtectedHeader, errors } = await import('jose');
  try {
    if (token.indexOf('.') > MAX_HEADER_LENGTH) return FAILURES.invalid;
    const header = decodeProtectedHeader(token);
    if (header.alg === undefined || !algorithms.includes(header.alg)) return FAILURES.invalid;
    // Nothing that is critical is known here (RFC 7515 section 4.1.11), and claims are never unencoded (RFC 7797 section 7).
    if (header.crit !== undefined || 'b64' in header) return FAILURES.invalid;
    if (header.kid !== undefined && typeof header.kid !== 'string') return FAILURES.invalid;
    const candidates = await keys.keysFor(header);
    return await firstThatVerifies(token, candidates, method, algorithms, wallMs);
  } catch (error) {
    if (error instanceof KeysUnavailable) return FAILURES.unavailable;
    if (error instanceof errors.JWTExpired) return FAILURES.expired;
    if (error instanceof KeyUnknown || error instanceof errors.JOSEError) return FAILURES.invalid;
    // Whatever breaks on a token is the token's fault.
    return FAILURES.invalid;
  }
}

async function firstThatVerifies(
  token: string,
  candidates: readonly CryptoKey[],
  method: Jwt,
  algorithms: readonly string[],
  wallMs: number,
): Promise<Verdict> {
  const { errors, jwtVerify } = await import('jose');
  for (const key of candidates) {
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: [...algorithms],
        issuer: method.issuer,
        ...(method.audiences.length === 0 ? {} : { audience: [...method.audiences] }),
        ...(method.tokenType === undefined ? {} : { typ: method.tokenType }),
        clockTolerance: method.leewaySeconds,
        currentDate: new Date(wallMs),
        requiredClaims: ['exp', ...method.requiredClaims],
      });
      const nowSeconds = wallMs / 1_000;
      if (payload.iat !== undefined && payload.iat > nowSeconds + method.leewaySeconds) {
        return FAILURES.invalid;
      }
      return { claims: payload, endsMs: ((payload.exp ?? 0) + method.leewaySeconds) * 1_000 };
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
  }
  return FAILURES.invalid;
}

function principalOf(claims: JWTPayload, method: Jwt, rule: string): Attempt {
  const name = claimAt(claims, method.principalClaim);
  if (typeof name !== 'string' || name === '') return FAILURES.invalid;
  return {
    name,
    rule,
    method: 'jwt',
    roles: namesAt(claims, method.roleClaims),
    scopes: namesAt(claims, method.scopeClaims),
    identity: claims,
  };
}
