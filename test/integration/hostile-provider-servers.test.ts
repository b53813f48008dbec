import { generateKeyPairSync } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { afterEach, describe, expect, it } from 'vitest';
import { systemProviderClock } from '../../hub/providers/clock.ts';
import { createOutboundGuard } from '../../hub/providers/outbound.ts';
import { createTestAuthority } from '../../prober/testing/authority.ts';
import { PROVIDER_KINDS } from '../../providers/catalogue.ts';
import type { Provider, ProviderOptions } from '../../providers/contract.ts';
import { dnsProviderSpec } from '../../src/resources/dns-provider.ts';
import { containing } from '../support/matchers.ts';

const running: Server[] = [];
const opened: Provider[] = [];
afterEach(async () => {
  for (const provider of opened.splice(0)) await provider.close();
  for (const server of running.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function listen(server: Server, address: string, port = 0): Promise<number> {
  running.push(server);
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
  const at = server.address();
  if (at === null || typeof at === 'string') throw new Error('it listens on a port');
  return at.port;
}

/** Loopback 127.0.0.2 is allowed and `allowed.example` is there; every other name leads to 127.0.0.1, which is not. */
const GUARD = createOutboundGuard({
  allowedRanges: ['127.0.0.2/32'],
  resolve: (name) => Promise.resolve([name === 'allowed.example' ? '127.0.0.2' : '127.0.0.1']),
});
const OPEN = createOutboundGuard({
  allowedRanges: ['127.0.0.0/8'],
  resolve: () => Promise.resolve(['127.0.0.1']),
});

async function open(
  account: object,
  secret: Record<string, string>,
  more: Partial<ProviderOptions> = {},
): Promise<Provider> {
  const spec = dnsProviderSpec.parse({ zones: [{ origin: 'example.com' }], ...account });
  const kind =
    PROVIDER_KINDS[spec.google !== undefined ? 'google' : spec.azure !== undefined ? 'azure' : 'route53'];
  const provider = await kind.open({
    spec,
    secret,
    name: 'team/hostile',
    owner: 'hub',
    guard: OPEN,
    turn: () => Promise.resolve(),
    clock: systemProviderClock,
    random: Math.random,
    ...more,
  });
  opened.push(provider);
  return provider;
}

const soon = (): AbortSignal => AbortSignal.timeout(30_000);
const TOKEN = JSON.stringify({ access_token: 'token', token_type: 'Bearer', expires_in: 3600 });
const json =
  (text: string): RequestListener =>
  (_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(text);
  };

function serviceAccount(tokenUri: string): Record<string, string> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
  return {
    'credentials.json': JSON.stringify({
      type: 'service_account',
      client_email: 'a@b.example',
      private_key: key,
      token_uri: tokenUri,
    }),
  };
}

describe('an account at Google', () => {
  it('does not lead to another host by two slashes in the path of its endpoint (I32)', async () => {
    const asked: string[] = [];
    const port = await listen(
      createServer((_request, response) => response.end(String(asked.push('forbidden')))),
      '127.0.0.1',
    );
    await listen(
      createServer((request, response) => json(request.url === '/token' ? TOKEN : '{}')(request, response)),
      '127.0.0.2',
      port,
    );
    const provider = await open(
      {
        google: {
          project: 'project',
          secret: 's',
          endpoint: `http://allowed.example:${port}//127.0.0.1:${port}/x`,
        },
      },
      serviceAccount(`http://allowed.example:${port}/token`),
      { guard: GUARD },
    );
    expect(await provider.zones(soon())).toEqual([]);
    expect(asked).toEqual([]);
  });

  it('exchanges the token of a federation at allowed addresses only (I32)', async () => {
    const asked: string[] = [];
    const port = await listen(
      createServer((_request, response) => response.end(String(asked.push('forbidden')))),
      '127.0.0.1',
    );
    await listen(createServer(json(TOKEN)), '127.0.0.2', port);
    const federation = {
      type: 'external_account',
      audience: '//iam.googleapis.com/x',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `http://localhost:${port}/sts`,
      credential_source: {
        url: `http://allowed.example:${port}/subject`,
        format: { type: 'json', subject_token_field_name: 'access_token' },
      },
    };
    const provider = await open(
      { google: { project: 'project', secret: 's', endpoint: `http://allowed.example:${port}` } },
      { 'credentials.json': JSON.stringify(federation) },
      { guard: GUARD },
    );
    await expect(provider.zones(soon())).rejects.toMatchObject({
      message: containing('loopback'),
    });
    expect(asked).toEqual([]);
  });

  it("does not send the hub's own token to a host that the DNSProvider names (I33)", async () => {
    await expect(
      open({ google: { project: 'project', endpoint: 'https://evil.example' } }, {}),
    ).rejects.toMatchObject({
      failure: 'denied',
      message: containing('own credentials'),
    });
  });
});

describe('an account at Azure', () => {
  it.each(['endpoint', 'authorityHost'])(
    "does not send the hub's own token to its %s (I33)",
    async (field) => {
      const account = { subscriptionId: '00000000-0000-0000-0000-000000000000', resourceGroup: 'dns' };
      await expect(
        open({ azure: { ...account, [field]: 'https://evil.example' } }, {}),
      ).rejects.toMatchObject({
        failure: 'denied',
        message: containing('own credentials'),
      });
    },
  );
});

describe('an answer that never ends', () => {
  const MIB = Buffer.alloc(1 << 20, 'a');
  /** Sends until nobody listens, 1 GiB at most; `sent` counts the MiB. */
  function endless(): { readonly listener: RequestListener; sent: number } {
    const flood = {
      sent: 0,
      listener: ((_request, response) => {
        response.setHeader('content-type', 'application/json');
        const pump = (): void => {
          while (!response.destroyed && flood.sent < 1024) {
            flood.sent += 1;
            if (response.write(MIB)) continue;
            response.once('drain', pump);
            return;
          }
          response.end();
        };
        pump();
      }) satisfies RequestListener,
    };
    return flood;
  }

  it('of Google is given up', async () => {
    const flood = endless();
    const port = await listen(
      createServer((request, response) =>
        (request.url === '/token' ? json(TOKEN) : flood.listener)(request, response),
      ),
      '127.0.0.1',
    );
    const endpoint = `http://127.0.0.1:${port}`;
    const provider = await open(
      { google: { project: 'project', secret: 's', endpoint } },
      serviceAccount(`${endpoint}/token`),
    );
    await expect(provider.zones(soon())).rejects.toMatchObject({ failure: 'transient' });
    expect(flood.sent).toBeLessThan(200);
  });

  it('of Route 53 is given up', async () => {
    const flood = endless();
    const port = await listen(createServer(flood.listener), '127.0.0.1');
    const provider = await open(
      { route53: { secret: 's', endpoint: `http://127.0.0.1:${port}` } },
      { accessKeyId: 'id', secretAccessKey: 'key' },
    );
    await expect(provider.zones(soon())).rejects.toMatchObject({ failure: 'transient' });
    expect(flood.sent).toBeLessThan(200);
  });

  it('of Azure is given up', async () => {
    const flood = endless();
    const authority = await createTestAuthority('Hostile');
    const port = await listen(
      createTlsServer(await authority.issue(['localhost']), flood.listener),
      '127.0.0.1',
    );
    const url = `https://localhost:${port}`;
    const id = '00000000-0000-0000-0000-000000000000';
    const provider = await open(
      {
        azure: {
          subscriptionId: id,
          resourceGroup: 'dns',
          tenantId: id,
          clientId: id,
          secret: 's',
          endpoint: url,
          authorityHost: url,
        },
      },
      { clientSecret: 'secret' },
      { ca: authority.ca },
    );
    await expect(provider.zones(soon())).rejects.toMatchObject({ name: 'ProviderError' });
    expect(flood.sent).toBeGreaterThan(0);
    expect(flood.sent).toBeLessThan(200);
  });
});
