import { createServer, type IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { GatewayIncoming } from './incoming.ts';

function incoming(kind: typeof IncomingMessage, rawHeaders: string[]): IncomingMessage {
  const request = new kind(new Socket());
  request.rawHeaders = rawHeaders;
  return request;
}

it('has the fields that frame a message or ask something of the server, as written, and no others', () => {
  const { headers } = incoming(GatewayIncoming, [
    ...['Host', 'a.example', 'Content-LENGTH', '12', 'transfer-encoding', 'chunked', 'X-Api-Key', 'secret'],
    ...['Expect', '100-continue', 'UPGRADE', 'websocket', 'Upgrade', 'h2c', 'TE', 'trailers'],
  ]);
  expect(headers).toEqual({
    'content-length': '12',
    'transfer-encoding': 'chunked',
    expect: '100-continue',
    upgrade: 'websocket, h2c',
    te: 'trailers',
  });
});

it('is taken by node:http in the place of its own', () => {
  const server = createServer({ IncomingMessage: GatewayIncoming });
  expect(Object.hasOwn(GatewayIncoming.prototype, 'headers')).toBe(true);
  expect(incoming(GatewayIncoming, []).headers).toEqual({});
  server.close();
});
