import type { CompiledCors } from '../../src/policy/model.ts';
import { fieldOf, type GatewayRequest } from '../request.ts';

/** Cross-origin rules of one filter (Gateway API HTTPCORSFilter, Fetch standard §3.2). */
export class CorsRules {
  readonly #cors: CompiledCors;
  readonly #exact: ReadonlySet<string>;
  readonly #wildcards: readonly { readonly start: string; readonly end: string }[];
  readonly #any: boolean;

  constructor(cors: CompiledCors) {
    this.#cors = cors;
    const origins = cors.allowOrigins.map((origin) => origin.toLowerCase());
    this.#any = origins.includes('*');
    this.#exact = new Set(origins.filter((origin) => !origin.includes('*')));
    this.#wildcards = origins
      .filter((origin) => origin !== '*' && origin.includes('*'))
      .map((origin) => ({
        start: origin.slice(0, origin.indexOf('*')),
        end: origin.slice(origin.indexOf('*') + 1),
      }));
  }

  /** Fields for an answer to a request with this origin; none when it is not allowed. */
  answer(origin: string): readonly string[] {
    const { allowCredentials, exposeHeaders } = this.#cors;
    if (!this.#allows(origin)) return this.#varies ? VARY : [];
    const fields = this.#allowed(origin);
    if (exposeHeaders.length > 0 && !(allowCredentials && exposeHeaders.includes('*'))) {
      fields.push('access-control-expose-headers', exposeHeaders.join(', '));
    }
    return fields;
  }

  /** Fields for the answer to a preflight; only `vary` when the origin is not allowed. */
  preflight(origin: string, request: GatewayRequest): readonly string[] {
    if (!this.#allows(origin)) return VARY_PREFLIGHT;
    const { allowMethods, allowHeaders, allowCredentials, maxAgeSeconds } = this.#cors;
    const fields = this.#allowed(origin);
    // With credentials `*` would be a name, not a wildcard: what was asked for is named instead.
    const method = fieldOf(request.fields, 'access-control-request-method');
    const headers = fieldOf(request.fields, 'access-control-request-headers');
    const methods = allowMethods.includes('*') ? (allowCredentials ? method : '*') : allowMethods.join(', ');
    if (methods !== undefined && methods !== '') fields.push('access-control-allow-methods', methods);
    const names = allowHeaders.includes('*') ? (allowCredentials ? headers : '*') : allowHeaders.join(', ');
    if (names !== undefined && names !== '') fields.push('access-control-allow-headers', names);
    fields.push('access-control-max-age', String(maxAgeSeconds));
    return fields;
  }

  #allows(origin: string): boolean {
    if (this.#any) return true;
    const lower = origin.toLowerCase();
    if (this.#exact.has(lower)) return true;
    return this.#wildcards.some(
      ({ start, end }) =>
        lower.length > start.length + end.length && lower.startsWith(start) && lower.endsWith(end),
    );
  }

  get #varies(): boolean {
    return !this.#any || this.#cors.allowCredentials;
  }

  #allowed(origin: string): string[] {
    const fields = ['access-control-allow-origin', this.#varies ? origin : '*'];
    if (this.#varies) fields.push('vary', 'origin');
    if (this.#cors.allowCredentials) fields.push('access-control-allow-credentials', 'true');
    return fields;
  }
}

const VARY: readonly string[] = ['vary', 'origin'];
const VARY_PREFLIGHT: readonly string[] = [
  'vary',
  'origin, access-control-request-method, access-control-request-headers',
];

/** A question of a browser, to which the gateway itself knows the answer. */
export function isPreflight(request: GatewayRequest): boolean {
  return (
    request.method === 'OPTIONS' && fieldOf(request.fields, 'access-control-request-method') !== undefined
  );
}
