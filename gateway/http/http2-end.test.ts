import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { partOf, startGateway } from '../testing/gateway-fixture.ts';

test.each(['GET', 'POST'])(
  'over HTTP/2 a client of a %s that would take trailers sees the end of an answer without any',
  async (method) => {
    const backend = http.createServer((_request, response) => response.end('whole')).listen(0, '127.0.0.1');
    await once(backend, 'listening');
    await using gateway = await startGateway(partOf((backend.address() as AddressInfo).port));
    const client = http2.connect(`http://127.0.0.1:${gateway.port()}`);
    try {
      const stream = client.request(
        { ':method': method, ':path': '/', ':authority': 'a.example', te: 'trailers' },
        { endStream: method === 'GET' },
      );
      const ended = once(stream, 'end', { signal: AbortSignal.timeout(2_000) });
      let body = '';
      stream.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
      if (method === 'POST') stream.end('a');
      await ended;
      expect(body).toBe('whole');
    } finally {
      client.destroy();
      backend.close();
    }
  },
);
