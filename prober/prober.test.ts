import { createServer } from 'node:http';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Vote } from '../src/health/types.ts';
import { systemTimer } from './probe.ts';
import { createProber, type Prober } from './scheduler.ts';
import { type ListeningServer, listen, targetOf } from './testing/probing.ts';

describe('a prober over real sockets and the real clock', () => {
  let prober: Prober | undefined;
  const servers: ListeningServer[] = [];
  afterEach(async () => {
    prober?.close();
    for (const server of servers.splice(0)) await server.close();
  });

  it('votes up, then down once the port refuses, then up again', async () => {
    const server = await listen(createServer((_request, response) => void response.end('ok')));
    servers.push(server);
    const heard: Vote[] = [];
    prober = createProber({
      vantage: 'agent/a',
      failureDomain: 'fr-1',
      clock: () => performance.now(),
      setTimer: systemTimer,
      random: Math.random,
      resolve: () => Promise.reject(new Error('no name is looked up here')),
      allowedRanges: ['127.0.0.0/8'],
      onVotes: (votes) => heard.push(...votes),
    });
    const check = { protocol: 'http', intervalSeconds: 0.2, timeoutMs: 1_000, confirmDelaysMs: [50, 100] };
    prober.assign([targetOf(check, server.port)]);
    await vi.waitFor(() => expect(heard.at(-1)).toMatchObject({ verdict: 'up' }), 20_000);
    expect(prober.connectedAgeMs()).toBeLessThan(20_000);
    await server.close();
    await vi.waitFor(
      () => expect(heard.at(-1)).toMatchObject({ verdict: 'down', detail: 'connection refused' }),
      20_000,
    );
    const again = createServer((_request, response) => void response.end('ok'));
    await new Promise<void>((resolve) => {
      again.listen(server.port, '127.0.0.1', resolve);
    });
    servers.push({ port: server.port, connections: () => 0, close: () => closed(again) });
    await vi.waitFor(() => expect(heard.at(-1)).toMatchObject({ verdict: 'up' }), 20_000);
    expect(heard.map(({ verdict }) => verdict)).toEqual(['up', 'down', 'up']);
  }, 60_000);
});

function closed(server: ReturnType<typeof createServer>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
