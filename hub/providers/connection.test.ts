import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { dnsProviderSpec } from '../../src/resources/dns-provider.ts';
import { createAccount } from './account.ts';
import { systemProviderClock as clock } from './clock.ts';
import { createConnection } from './connection.ts';
import { memoryProvider, ORIGIN, OWNER } from './zone-worker-fixture.ts';

it('a connection keeps nothing of the operations that came to their end', async () => {
  const { kind } = memoryProvider();
  const connection = createConnection({
    kind,
    account: createAccount({ capabilities: kind.capabilities, clock, random: Math.random }),
    name: 'shop/main',
    owner: OWNER,
    spec: dnsProviderSpec.parse({
      zones: [{ origin: ORIGIN }],
      rfc2136: { server: '192.0.2.1', tsigSecret: 'key' },
    }),
    secret: {},
    ca: undefined,
    guard: { check: () => undefined, lookup: () => undefined },
    clock,
    random: Math.random,
    count: () => undefined,
    signal: new AbortController().signal,
  });
  const signals: AbortSignal[] = [];
  await connection.operate('read', 'zone', async (signal) => void signals.push(signal));
  await connection
    .operate('apply', 'zone', (signal) => {
      signals.push(signal);
      return Promise.reject(new Error('it failed'));
    })
    .catch(() => undefined);
  // A signal that is made of others is kept by them for as long as somebody listens to it.
  expect(signals.map((signal) => getEventListeners(signal, 'abort').length)).toEqual([0, 0]);
  await connection.close();
});
