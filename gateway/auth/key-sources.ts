import type { OutboundClient } from '../outbound/client.ts';
import { callForObject, hostOf } from '../outbound/json.ts';
import type { Call } from './asking.ts';
import { discoverJwksUri, type JwksLimits, type KeySource, remoteKeys } from './jwks.ts';

/** The issuers of all policies. A source outlives the policies that use it, so that a new configuration does not read every set anew. */
export interface KeySources {
  of(issuer: string, jwksUri: string | undefined, call: Call): KeySource;
}

/** More issuers than anybody has; then the oldest source is read anew when it is needed. */
const MAX_SOURCES = 1_000;

export function keySources(options: {
  readonly client: OutboundClient;
  readonly limits: JwksLimits;
  readonly monotonicMs: () => number;
  readonly log: { warn(details: object, message: string): void };
}): KeySources {
  const { client, limits, monotonicMs, log } = options;
  const sources = new Map<string, KeySource>();
  let generations = 0;
  return {
    of(issuer, jwksUri, call) {
      const key = JSON.stringify([issuer, jwksUri, call.timeoutMs, call.ca]);
      const known = sources.get(key);
      if (known !== undefined) return known;
      const source = remoteKeys({
        async load() {
          // A discovered place is looked up again each time: an issuer may move its keys.
          const url = jwksUri ?? (await discoverJwksUri(client, issuer, call)).jwksUri;
          return await callForObject(client, { url, ...call });
        },
        limits,
        monotonicMs,
        nextGeneration: () => {
          generations += 1;
          return generations;
        },
        failed: (reason) => log.warn({ issuer: hostOf(issuer), reason }, 'token keys cannot be read'),
      });
      if (sources.size >= MAX_SOURCES) {
        const [oldest] = sources.keys();
        if (oldest !== undefined) sources.delete(oldest);
      }
      sources.set(key, source);
      return source;
    },
  };
}
