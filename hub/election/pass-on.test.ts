import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { matching } from '../../test/support/matchers.ts';
import { ENDPOINTS } from '../api/endpoints.ts';
import { answersByItself, createPassOn } from './pass-on.ts';
import { PASSED_ON } from './passed-on.ts';
import { CLIENT, createVouching } from './voucher.ts';

const WRITE = { id: 'createCluster', method: 'POST', path: '/apis/x' } as const;
const vouching = createVouching(Buffer.alloc(32, 1));
const endpoint = (id: string) => {
  const found = ENDPOINTS.find((candidate) => candidate.id === id);
  if (found === undefined) throw new Error(`there is no ${id}`);
  return found;
};

describe('what a hub that stands by passes on', () => {
  it('is every write and everything that is computed; reads of the store it answers by itself', () => {
    const own = ENDPOINTS.filter(answersByItself);
    expect(own.every(({ method }) => method === 'GET')).toBe(true);
    const ids = own.map(({ id }) => id);
    expect(ids).toEqual(
      expect.arrayContaining(['listClusterAll', 'listCluster', 'getCluster', 'watchAll', 'readyz']),
    );
    for (const id of ['resolve', 'listKeys', 'listCertificates', 'listQuota', 'geoStatus', 'plan'])
      expect(answersByItself(endpoint(id))).toBe(false);
    expect(answersByItself(WRITE)).toBe(false);
  });

  it('goes with the token and the body, and the answer comes back as it is', async () => {
    let seen: { headers: IncomingHttpHeaders; url: string | undefined; body: string } | undefined;
    await using leader = await listening((headers, url, body) => {
      seen = { headers, url, body };
      return { status: 409, text: '{"code":"CONFLICT"}' };
    });
    const passOn = createPassOn({
      leader: () => ({ identity: 'one', api: leader.url }),
      identity: 'two',
      vouching,
    });
    const response = await passOn(
      endpoint('createCluster'),
      new Request('http://standby/apis/x?dryRun=true', {
        method: 'POST',
        headers: { authorization: 'Bearer t', 'content-type': 'application/json', connection: 'close' },
        body: '{"a":1}',
      }),
    );
    expect([response?.status, await response?.text()]).toEqual([409, '{"code":"CONFLICT"}']);
    expect(seen).toMatchObject({
      url: '/apis/x?dryRun=true',
      body: '{"a":1}',
      headers: { authorization: 'Bearer t', [PASSED_ON]: 'two', host: new URL(leader.url).host },
    });
    expect(passOn.counts).toEqual({ answered: 1, refused: 0 });
    passOn.close();
  });

  it('tells the leader who asks; whoever lacks the key, or changes what a hub said, is not believed', async () => {
    const told: Request[] = [];
    await using leader = await listening((headers, url) => {
      told.push(new Request(`http://leader${url ?? ''}`, { method: 'POST', headers: textOf(headers) }));
      return { status: 200, text: '' };
    });
    const passOn = createPassOn({
      leader: () => ({ identity: 'one', api: leader.url }),
      identity: 'two',
      vouching,
    });
    const asked = new Request('http://standby/apis/x?dryRun=true', {
      method: 'POST',
      headers: { authorization: 'Bearer t', [CLIENT]: '203.0.113.9' },
    });
    await (await passOn(endpoint('createCluster'), asked, '192.0.2.1'))?.body?.cancel();
    passOn.close();
    const [heard] = told;
    if (heard === undefined) throw new Error('nothing arrived');
    expect(vouching.clientOf(heard)).toBe('192.0.2.1');
    expect(createVouching(Buffer.alloc(32, 2)).clientOf(heard)).toBeUndefined();
    const other = (change: Record<string, string>, url = heard.url) =>
      new Request(url, { method: 'POST', headers: { ...textOf(heard.headers), ...change } });
    expect(vouching.clientOf(other({}))).toBe('192.0.2.1');
    for (const forged of [
      other({ [CLIENT]: '203.0.113.9' }),
      other({ [PASSED_ON]: 'three' }),
      other({ authorization: 'Bearer another' }),
      other({}, 'http://leader/apis/y'),
      other({ 'x-portolan-voucher': 'AA' }),
      asked,
    ])
      expect(vouching.clientOf(forged)).toBeUndefined();
  });

  it('goes on once, and nowhere while nobody leads or the leader is not there', async () => {
    let leader: string | undefined;
    const passOn = createPassOn({
      leader: () => (leader === undefined ? undefined : { identity: 'one', api: leader }),
      identity: 'two',
      vouching,
    });
    const ask = (headers: Record<string, string> = {}) =>
      passOn(endpoint('resolve'), new Request('http://standby/v1/resolve', { headers }));
    await expect(ask()).rejects.toMatchObject({ code: 'NOT_LEADER' });
    const { url } = await listening(() => ({ status: 200, text: '' })).then(async (server) => {
      await server[Symbol.asyncDispose]();
      return server;
    });
    leader = url;
    await expect(ask()).rejects.toThrow(/one at .* leads, and it cannot be reached/);
    await expect(ask({ [PASSED_ON]: 'three' })).rejects.toThrow(/three has passed the request on already/);
    expect(passOn.counts.refused).toBe(3);
    // Of its own status it tells what it knows.
    leader = undefined;
    expect(passOn(endpoint('status'), new Request('http://standby/v1/status'))).toBeUndefined();
    passOn.close();
  });

  it.each([
    ['before it answers', ''],
    ['within its answer', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'],
  ])('ends when another hub leads, though the one before froze %s', async (_when, said) => {
    let hear: () => void = () => undefined;
    const heard = new Promise<void>((resolve) => {
      hear = resolve;
    });
    const frozen = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        socket.write(said);
        hear();
      });
    });
    await using leader = await at(frozen);
    const passOn = createPassOn({
      leader: () => ({ identity: 'one', api: leader.url }),
      identity: 'two',
      vouching,
    });
    const answer = passOn(
      endpoint('createCluster'),
      new Request('http://standby/apis/x', { method: 'POST', body: '{}' }),
    );
    const ended = answer?.then((response) => response.text());
    const outcome = ended?.then(String, (thrown: unknown) => thrown);
    await (said === '' ? heard : answer);
    passOn.cut();
    expect(await outcome).toMatchObject(
      said === ''
        ? { code: 'NOT_LEADER', message: matching(/whether it did what was asked is not known/) }
        : {},
    );
    expect(await outcome).toBeInstanceOf(Error);
    passOn.close();
    await expect(passOn(endpoint('resolve'), new Request('http://standby/v1/resolve'))).rejects.toMatchObject(
      { code: 'NOT_LEADER' },
    );
  });
});

function textOf(headers: IncomingHttpHeaders | Headers): Record<string, string> {
  const all = headers instanceof Headers ? [...headers] : Object.entries(headers);
  return Object.fromEntries(all.map(([name, value]) => [name, String(value)]));
}

async function listening(
  answer: (
    headers: IncomingHttpHeaders,
    url: string | undefined,
    body: string,
  ) => { status: number; text: string },
): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      const { status, text } = answer(request.headers, request.url, body);
      response.writeHead(status, { 'content-type': 'application/json' }).end(text);
    });
  });
  return at(server);
}

async function at(server: Server): Promise<AsyncDisposable & { readonly url: string }> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
