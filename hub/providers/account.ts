import { AsyncLocalStorage } from 'node:async_hooks';
import type { Capabilities, ProviderClock } from '../../providers/contract.ts';
import { backoffDelayMs } from '../../src/protocol/backoff.ts';
import { type DnsProviderSpec, providerTypeOf } from '../../src/resources/dns-provider.ts';
import { createTokenBucket } from './token-bucket.ts';

/**
 * One account at a provider, with the requests it may make: shared by all zones of all DNSProviders of a namespace that use it, because
 * that is how providers count.
 */
export interface Account {
  /** For `ProviderOptions.turn` of the DNSProvider `provider` (`namespace/name`). */
  turn(provider: string): (action: string, signal: AbortSignal) => Promise<void>;
  /** Requests made within `work` count as the zone's: zones take turns. */
  onBehalfOf<T>(zone: string, work: () => Promise<T>): Promise<T>;
  /** It was told that it asks too much. @returns milliseconds until the next request */
  throttled(retryAfterMs: number | undefined): number;
  /** A request went through: the next pause is a short one again. */
  succeeded(): void;
  /** A DNSProvider joins or changes; the lowest rate that one of them gives counts. */
  join(provider: string, requestsPerSecond: number | undefined): void;
  /** @returns true when nobody uses it any more */
  leave(provider: string): boolean;
  /** Requests so far by provider and action. */
  readonly requests: readonly {
    readonly provider: string;
    readonly action: string;
    readonly count: number;
  }[];
  readonly timesThrottled: number;
  readonly waiting: number;
}

/** Of an account that says "too much" without saying for how long: from a second up to a minute. */
const THROTTLED = { baseMs: 1_000, capMs: 60_000 };
/** Whatever it says: nobody is waited for any longer without asking again. */
const MAX_PAUSE_MS = 300_000;

export function createAccount(options: {
  readonly capabilities: Pick<Capabilities, 'rate'>;
  readonly clock: ProviderClock;
  readonly random: () => number;
}): Account {
  const { rate } = options.capabilities;
  const bucket = createTokenBucket(rate, options.clock);
  const zone = new AsyncLocalStorage<string>();
  const rates = new Map<string, number | undefined>();
  const counts = new Map<string, { provider: string; action: string; count: number }>();
  let failures = 0;
  let timesThrottled = 0;

  function follow(): void {
    const perSecond = Math.min(rate.perSecond, ...[...rates.values()].map((r) => r ?? rate.perSecond));
    const asked = [...rates.values()].some((r) => r !== undefined && r > rate.perSecond);
    // Whoever has a higher quota says so; then the lowest that was said counts.
    const said = [...rates.values()].flatMap((r) => (r === undefined ? [] : [r]));
    const chosen = asked && said.length === rates.size ? Math.min(...said) : perSecond;
    bucket.setRate({
      perSecond: chosen,
      burst: chosen >= rate.perSecond ? rate.burst : Math.max(1, Math.floor(chosen)),
    });
  }

  return {
    turn: (provider) => async (action, signal) => {
      await bucket.take(zone.getStore() ?? provider, signal);
      const key = `${provider} ${action}`;
      const known = counts.get(key);
      if (known === undefined) counts.set(key, { provider, action, count: 1 });
      else known.count += 1;
    },
    onBehalfOf: (name, work) => zone.run(name, work),
    throttled(retryAfterMs) {
      failures += 1;
      timesThrottled += 1;
      const drawn = backoffDelayMs(failures, options.random, THROTTLED);
      const pauseMs = Math.min(MAX_PAUSE_MS, Math.max(drawn, retryAfterMs ?? 0));
      bucket.pause(pauseMs);
      return pauseMs;
    },
    succeeded() {
      failures = 0;
    },
    join(provider, requestsPerSecond) {
      rates.set(provider, requestsPerSecond);
      follow();
    },
    leave(provider) {
      rates.delete(provider);
      if (rates.size > 0) follow();
      return rates.size === 0;
    },
    get requests() {
      return [...counts.values()];
    },
    get timesThrottled() {
      return timesThrottled;
    },
    get waiting() {
      return bucket.waiting;
    },
  };
}

/**
 * What tells accounts apart, as their provider counts requests: Route 53 by AWS account, Google by project, Azure by subscription,
 * servers by address. Two keys of one AWS account count as two, and so does one account in two namespaces: give both DNSProviders half of
 * the rate. Names of accounts are no secrets: whoever writes another's must not give it a lower rate, or pauses.
 */
export function accountKeyOf(
  namespace: string,
  spec: DnsProviderSpec,
  secret: Readonly<Record<string, string>>,
): string {
  const type = providerTypeOf(spec);
  const parts: string[] = [namespace, type];
  if (spec.route53 !== undefined) {
    const { endpoint = '', assumeRole } = spec.route53;
    const accountId = assumeRole?.roleArn.split(':')[4];
    parts.push(endpoint, accountId ?? secret.accessKeyId ?? 'default credentials');
  }
  if (spec.google !== undefined) parts.push(spec.google.endpoint ?? '', spec.google.project);
  if (spec.azure !== undefined)
    parts.push(spec.azure.endpoint ?? '', spec.azure.subscriptionId.toLowerCase());
  if (spec.powerdns !== undefined) parts.push(spec.powerdns.url, spec.powerdns.server);
  if (spec.rfc2136 !== undefined) parts.push(spec.rfc2136.server.toLowerCase(), String(spec.rfc2136.port));
  return parts.join(' ');
}
