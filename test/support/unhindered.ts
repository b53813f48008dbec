import { lookup } from 'node:dns';
import { systemProviderClock } from '../../hub/providers/clock.ts';
import type { ProviderOptions } from '../../providers/contract.ts';

/** What a provider is opened with in tests: loopback is allowed, and every request has its turn at once. */
export const UNHINDERED: Pick<ProviderOptions, 'guard' | 'turn' | 'clock' | 'random'> = {
  guard: { lookup, check: () => undefined },
  turn: async (_action, signal) => signal.throwIfAborted(),
  clock: systemProviderClock,
  random: Math.random,
};
