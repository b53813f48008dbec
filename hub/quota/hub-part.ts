import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import { deferred } from '../../src/async/deferred.ts';
import type { PortolanError } from '../../src/errors/error.ts';
import { longestLeaseMs, openLedger } from '../../src/quota/ledger.ts';
import type { QuotaServices } from '../api/quota-services.ts';
import type { AgentIdentity, Store } from '../store/contract.ts';
import { readMachineClocks } from './clock.ts';
import { createQuotaDesk } from './desk.ts';
import { createQuotaService, type QuotaService, type QuotaServiceOptions } from './service.ts';

/** The part of a hub that shares out the limits of all its clusters. */
export interface QuotaOfHub {
  readonly service: QuotaService;
  readonly desk: QuotaServices;
}

export function createQuotaOfHub(options: {
  readonly store: Pick<Store, 'loadQuota' | 'saveQuota' | 'getMeta' | 'putMeta' | 'epoch'>;
  /** Agents that have joined and are not revoked. */
  readonly agents: () => readonly AgentIdentity[];
  /** See `createQuotaService`. */
  readonly alsoServes?: (cluster: string) => readonly string[];
  readonly wallMs: () => number;
  readonly monotonicMs: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly log: QuotaServiceOptions['log'];
}): QuotaOfHub {
  const { store, agents, wallMs, monotonicMs, randomBytes, log } = options;
  const leaseMs = longestLeaseMs();
  const service = createQuotaService({
    store,
    openLedger,
    leaseMs,
    agents,
    ...(options.alsoServes === undefined ? {} : { alsoServes: options.alsoServes }),
    readClocks: () => readMachineClocks(wallMs),
    monotonicMs,
    newId: () => Buffer.from(randomBytes(16)).toString('base64url'),
    breathe: () => setImmediate(),
    wait: (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined),
    every(ms, task) {
      const timer = setInterval(task, ms);
      return () => clearInterval(timer);
    },
    log,
  });
  return { service, desk: createQuotaDesk({ quota: service, agents, wallMs, late }) };
}

function late(ms: number, error: () => PortolanError): { readonly rejects: Promise<never>; cancel(): void } {
  const { promise, reject } = deferred<never>();
  const timer = setTimeout(() => reject(error()), ms);
  return { rejects: promise, cancel: () => clearTimeout(timer) };
}
