import { createServer, type IncomingHttpHeaders, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { QuotaPart } from '../../src/policy/model.ts';
import { containing } from '../../test/support/matchers.ts';
import { jsonAccessLine } from '../telemetry/access-line.ts';
import { ask } from '../testing/clients.ts';
import { matchOf, partOf, type RunningGateway, ruleOf, startGateway } from '../testing/gateway-fixture.ts';
import { budgetOf, limitOf, type QuotaWorld, quotaPartOf, startQuota } from './testing/quota-world.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let backend: Server;
/** Of the last request that came to the backend. */
let seen: IncomingHttpHeaders = {};

beforeEach(async () => {
  backend = createServer((incoming, answer) => {
    seen = incoming.headers;
    const body = JSON.stringify({ id: 1, usage: { total_tokens: 7 } });
    switch (incoming.url) {
      case '/json':
        answer.setHeader('content-type', 'application/json; charset=utf-8');
        answer.end(body);
        return;
      case '/events':
        answer.setHeader('content-type', 'text/event-stream');
        answer.write('data: {"usage":null}\n\nda');
        answer.end(`ta: ${body}\n\ndata: [DONE]\n\n`);
        return;
      case '/packed':
        answer.setHeader('content-type', 'application/json');
        answer.setHeader('content-encoding', 'gzip');
        answer.end(gzipSync(body));
        return;
      default:
        answer.setHeader('x-cost', '4');
        answer.setHeader('x-ratelimit-limit', 'of the backend');
        answer.end('ok');
    }
  });
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  await new Promise((resolve) => backend.close(resolve));
});

async function start(quota: QuotaPart): Promise<{ world: QuotaWorld; gateway: RunningGateway }> {
  const world = startQuota(quota);
  const { port } = backend.address() as AddressInfo;
  const rule = ruleOf('all', { quota: 'policy' });
  const part = partOf(port, { rules: [rule], matches: [matchOf('all')], quota });
  const gateway = await startGateway(part, { quota: { gate: world.gate, policies: () => world.policies } });
  return { world, gateway };
}

function get(
  gateway: RunningGateway,
  path = '/',
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port: gateway.port(), path, headers, agent: false },
      (answer) => {
        let body = '';
        answer.on('data', (chunk: Buffer) => {
          body += chunk.toString('latin1');
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }));
      },
    );
    asked.on('error', reject);
    asked.end();
  });
}

describe('the gateway with limits', () => {
  it('answers 429 with what the IETF draft and everybody else says, and lets through what the limit admits', async () => {
    const { world, gateway } = await start(
      quotaPartOf(
        [budgetOf('a', 3, { window: { type: 'length', ms: 31_536_000_000 } })],
        [limitOf('per-user', [0], { counters: ["request.headers['user']"], metric: 'calls' })],
      ),
    );
    using _ = world;
    await using open = gateway;
    const answers: Answer[] = [];
    for (let n = 0; n < 5; n += 1) answers.push(await get(open, '/', { user: 'u' }));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429]);
    expect(answers[2]?.headers).toMatchObject({
      'ratelimit-policy': '"per-user";q=3;w=31536000',
      'x-ratelimit-limit': '3',
      'x-ratelimit-remaining': '0',
    });
    expect(answers[2]?.headers.ratelimit).toMatch(/^"per-user";r=0(?:;t=\d+)?$/);
    const refused = answers[4];
    expect(refused?.headers['content-type']).toBe('application/problem+json');
    expect(Number(refused?.headers['retry-after'])).toBeGreaterThan(0);
    expect(JSON.parse(refused?.body ?? '')).toMatchObject({
      type: containing('QUOTA_EXCEEDED'),
      status: 429,
      code: 'QUOTA_EXCEEDED',
      'violated-policies': ['per-user'],
    });
    expect((await get(open, '/', { user: 'other' })).status).toBe(200);
    // Refused requests are in no account.
    await expect.poll(() => open.records.length).toBe(6);
    expect(open.hits.filter(({ metric }) => metric === 'calls').map(({ amount }) => amount)).toEqual([
      1, 1, 1, 1,
    ]);
    const line = open.records.find(({ status }) => status === 429);
    expect(line).toMatchObject({ code: 'QUOTA_EXCEEDED', limit: 'per-user' });
    if (line !== undefined)
      expect(jsonAccessLine(line, 0)).toContain('"code":"QUOTA_EXCEEDED","limit":"per-user"');
  });

  it('says RESOURCE_EXHAUSTED to calls of gRPC', async () => {
    const { world, gateway } = await start(
      quotaPartOf([budgetOf('a', 0)], [limitOf('none', [0], { waitMs: 50 })]),
    );
    using _ = world;
    await using open = gateway;
    const answer = await ask('HTTP/2', open.port(), {
      path: '/shop.Shop/Buy',
      headers: { 'content-type': 'application/grpc' },
    });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({ 'grpc-status': '8', 'ratelimit-policy': '"none";q=0' });
  });

  it.each([
    ['/', { type: 'header', name: 'X-Cost' } as const, 4],
    ['/json', { type: 'json', path: ['usage', 'total_tokens'] } as const, 7],
    ['/events', { type: 'json', path: ['usage', 'total_tokens'] } as const, 7],
    // Not readable: what was taken beforehand stands.
    ['/packed', { type: 'json', path: ['usage', 'total_tokens'] } as const, 2],
    ['/', { type: 'json', path: ['usage', 'total_tokens'] } as const, 2],
  ])('charges what the answer of %s says it cost by %j', async (path, answer, cost) => {
    const { world, gateway } = await start(
      quotaPartOf(
        [budgetOf('a', 20)],
        [limitOf('tokens', [0], { cost: { request: '2', answer, most: 100 }, metric: 'tokens' })],
      ),
    );
    using _ = world;
    await using open = gateway;
    let admitted = 0;
    for (; admitted < 30; admitted += 1) {
      const { status } = await get(open, path, { 'accept-encoding': 'gzip' });
      if (status !== 200) break;
      await expect.poll(() => open.records.length).toBe(admitted + 1);
    }
    // Nobody begins when less than the estimate is left, and whoever began is charged in full.
    expect(admitted).toBe(Math.floor((20 - 2) / cost) + 1);
    expect(open.hits.map(({ metric, amount }) => [metric, amount])).toEqual(
      Array.from({ length: admitted }, () => ['tokens', cost]),
    );
    if (answer.type === 'json') expect(seen['accept-encoding']).toBeUndefined();
  });

  it('waits for tokens no longer than the policy says, and takes none for clients that went away', async () => {
    const { world, gateway } = await start(
      quotaPartOf([budgetOf('a', 5)], [limitOf('a', [0], { waitMs: 300 })]),
    );
    using _ = world;
    await using open = gateway;
    world.reachable = false;
    const gone = request({ host: '127.0.0.1', port: open.port(), agent: false });
    gone.on('error', () => undefined);
    gone.end();
    await expect.poll(() => world.supervisor.describe()?.waiting).toBe(1);
    gone.destroy();
    const began = performance.now();
    expect((await get(open)).status).toBe(429);
    expect(performance.now() - began).toBeGreaterThan(250);
    world.reachable = true;
    let admitted = 0;
    for (let n = 0; n < 8; n += 1) if ((await get(open)).status === 200) admitted += 1;
    expect(admitted).toBe(5);
  });
});
