import { z } from 'zod';
import { registeredDomains, withoutWildcard } from '../../src/certificates/names.ts';
import type { FrontRequest } from './acme-front.ts';

export interface FrontLimits {
  /** Certificates for exactly the same names. */
  readonly certificatesPerNameSet?: Limit;
  /** Certificates per registered domain, but for renewals of the same names. */
  readonly certificatesPerDomain?: Limit;
  readonly ordersPerAccount?: Limit;
  /** Failed validations of one name. */
  readonly failuresPerName?: Limit;
}

export interface Limit {
  readonly count: number;
  readonly windowMs: number;
}

const status = z.object({ status: z.string() });
const authorization = z.object({ status: z.string(), identifier: z.object({ value: z.string() }) });

/** What Boulder counts, over sliding windows: for a CA that counts nothing. */
export interface CaLimits {
  /** The limit that this order would pass, in words, and the milliseconds until it would not. */
  passed(
    limits: FrontLimits,
    account: string,
    names: readonly string[],
    replaces: string | undefined,
  ): readonly [string, number] | undefined;
  /** What the CA did, by its answer. */
  learn(request: FrontRequest, account: string, location: string | undefined, answer: unknown): void;
}

export function createCaLimits(): CaLimits {
  const orders = new Map<string, { readonly names: readonly string[]; readonly exempt: boolean }>();
  /** Instants by what is counted. */
  const counts = new Map<string, number[]>();
  const failed = new Set<string>();
  const issued = new Set<string>();

  const count = (key: string): void => void counts.set(key, [...(counts.get(key) ?? []), Date.now()]);
  const setOf = (names: readonly string[]): string => `set ${names.join(' ')}`;

  function waitFor(key: string, limit: Limit | undefined): number {
    if (limit === undefined) return 0;
    const now = Date.now();
    const recent = (counts.get(key) ?? []).filter((atMs) => atMs > now - limit.windowMs);
    const frees = recent.at(-limit.count);
    return recent.length < limit.count || frees === undefined ? 0 : Math.max(1, frees + limit.windowMs - now);
  }

  return {
    // As Boulder has it: a renewal that says what it replaces is exempt from all, one of the same names from the domain's.
    passed(limits, account, names, replaces) {
      if (replaces !== undefined) return undefined;
      const renewal = counts.has(setOf(names));
      const domains = renewal ? [] : registeredDomains(names);
      const waits: readonly (readonly [string, number])[] = [
        [
          'too many new orders from this account',
          renewal ? 0 : waitFor(`account ${account}`, limits.ordersPerAccount),
        ],
        [
          `too many certificates already issued for this exact set of identifiers: ${names.join(', ')}`,
          waitFor(setOf(names), limits.certificatesPerNameSet),
        ],
        ...domains.map((domain): readonly [string, number] => [
          `too many certificates already issued for "${domain}"`,
          waitFor(`domain ${domain}`, limits.certificatesPerDomain),
        ]),
        ...names.map((name): readonly [string, number] => [
          `too many failed authorizations for "${name}"`,
          waitFor(`failure ${withoutWildcard(name)}`, limits.failuresPerName),
        ]),
      ];
      return waits.find(([, waitMs]) => waitMs > 0);
    },
    learn({ action, path, names, replaces }, account, location, answer) {
      const id = path.split('/').at(-1) ?? '';
      if (action === 'newOrder' && names !== undefined) {
        orders.set(location?.split('/').at(-1) ?? '', { names, exempt: replaces !== undefined });
        if (replaces === undefined) count(`account ${account}`);
      }
      if (action === 'finalize' || action === 'order') {
        const order = orders.get(id);
        const state = status.safeParse(answer).data?.status;
        if (order === undefined || (state !== 'valid' && state !== 'processing') || issued.has(id)) return;
        issued.add(id);
        if (order.exempt) return;
        const renewal = counts.has(setOf(order.names));
        count(setOf(order.names));
        if (!renewal) for (const domain of registeredDomains(order.names)) count(`domain ${domain}`);
      }
      if (action === 'authorization') {
        const found = authorization.safeParse(answer).data;
        if (found?.status !== 'invalid' || failed.has(id)) return;
        failed.add(id);
        count(`failure ${found.identifier.value}`);
      }
    },
  };
}
