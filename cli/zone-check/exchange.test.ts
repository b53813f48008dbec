import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import { TYPE } from '../../src/dns/types.ts';
import { exchange } from './exchange.ts';

it.each(['udp', 'tcp'] as const)(
  'over %s asks nothing any more when the time of the check is over',
  async (transport) => {
    const silent = createSocket('udp4');
    silent.bind(0, '127.0.0.1');
    await once(silent, 'listening');
    let heard = 0;
    silent.on('message', () => {
      heard += 1;
    });
    const { port } = silent.address();
    const asked = { address: '127.0.0.1', port, transport, name: parseName('example.test'), type: TYPE.SOA };
    // Without a look at the signal: a minute of patience over UDP, a closed port over TCP.
    const reply = await exchange(asked, { timeoutMs: 60_000, attempts: 3, signal: AbortSignal.abort() });
    expect(reply).toEqual({ kind: 'none', detail: 'the time for the check was over', here: false });
    expect(heard).toBe(0);
    await new Promise<void>((resolve) => silent.close(() => resolve()));
  },
);
