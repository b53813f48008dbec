import { createHash, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { PortolanError } from '../../src/errors/error.ts';
import type { DevelopmentCa } from '../gateways/development-ca.ts';
import type { AcmeClient, AcmeOrder } from './contract.ts';

/** Chains that were not fetched yet. */
const MAX_WAITING = 1_000;
const DAY_MS = 86_400_000;

/** Stands where the URL of a CA's directory would. */
export const INTERNAL_DIRECTORY = 'internal:';

const orderUrl = z.object({ id: z.string(), names: z.array(z.string()).min(1).max(100) });

/**
 * The hub's own CA, asked as any other is. It knows whose names they are without a challenge, so that an order is ready at once; what an order
 * says stands in its URL, so that nothing of it has to be kept.
 */
export function createInternalClient(options: {
  readonly ca: Pick<DevelopmentCa, 'issueFromRequest'>;
  readonly lifetimeDays: number;
  readonly nowMs: () => number;
}): AcmeClient {
  const { ca, lifetimeDays, nowMs } = options;
  const chains = new Map<string, string>();

  function orderAt(url: string): AcmeOrder {
    const { names } = parsed(url);
    const base = { url, names, authorizations: [], finalizeUrl: url };
    return chains.has(url) ? { ...base, status: 'valid', certificateUrl: url } : { ...base, status: 'ready' };
  }

  return {
    directory: async () => ({
      profiles: {},
      hasRenewalInfo: false,
      externalAccountRequired: false,
      caaIdentities: [],
    }),
    account: async () => INTERNAL_DIRECTORY,
    newOrder: async ({ names }) =>
      orderAt(
        INTERNAL_DIRECTORY +
          Buffer.from(
            JSON.stringify({ id: randomUUID(), names: [...names] } satisfies z.output<typeof orderUrl>),
          ).toString('base64url'),
      ),
    order: async (url) => orderAt(url),
    orders: async () => undefined,
    authorization: (url) => Promise.reject(noSuch(url)),
    keyAuthorization: async (token) => `${token}.${createHash('sha256').update(token).digest('base64url')}`,
    answer: (url) => Promise.reject(noSuch(url)),
    deactivate: (url) => Promise.reject(noSuch(url)),
    async finalize(url, csrDer) {
      const { names } = parsed(url);
      const chain = await ca.issueFromRequest({
        csrDer,
        dnsNames: names,
        nowMs: nowMs(),
        lifeMs: lifetimeDays * DAY_MS,
      });
      chains.set(url, chain);
      for (const oldest of chains.keys()) {
        if (chains.size <= MAX_WAITING) break;
        chains.delete(oldest);
      }
      return orderAt(url);
    },
    async certificate(url) {
      const chain = chains.get(url);
      if (chain === undefined) throw noSuch(url);
      return chain;
    },
    // Nobody asks this CA whether its certificates still hold; a new one replaces it.
    revoke: async () => undefined,
    renewalInfo: async () => undefined,
  };
}

function parsed(url: string): z.output<typeof orderUrl> {
  try {
    const text = Buffer.from(url.slice(INTERNAL_DIRECTORY.length), 'base64url').toString();
    return orderUrl.parse(JSON.parse(text));
  } catch {
    throw noSuch(url);
  }
}

function noSuch(url: string): PortolanError {
  return new PortolanError('ISSUER_REFUSED', `the internal CA has no ${url.slice(0, 40)}`);
}
