import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, stat } from 'node:fs/promises';
import { createServer, get, type Server } from 'node:http';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ChallengeServer, startChallengeServer } from '../support/challenge-server.ts';
import { type Pebble, requirePebble, startPebble } from '../support/pebble.ts';
import { until } from '../support/until.ts';
import { type Installation, startInstallation } from './gateway-agents/installation.ts';

const SUITE = 'certificates on gateways';
const available = await requirePebble(SUITE);
const run = promisify(execFile);
const WAIT_MS = 60_000;
const GATEWAY_API = 'gateway.networking.k8s.io/v1';
const SHOP = 'shop.example.com';
const MAIL = 'mail.example.com';
const OWN = 'own.example.com';
const OCTETS = 60 * 64 * 1024;

describe.skipIf(!available.available)(SUITE, () => {
  let at: Installation;
  let dns: ChallengeServer;
  let ca: Pebble;
  let backend: Server;

  /** What an agent shows for a name; undefined: the handshake is refused. */
  const shown = (index: number, servername: string): Promise<X509Certificate | undefined> =>
    new Promise((resolve) => {
      const { https } = at.agents[index] ?? { https: 0 };
      const socket = connect({ host: '127.0.0.1', port: https, servername, rejectUnauthorized: false });
      socket.once('error', () => resolve(undefined));
      socket.once('secureConnect', () => {
        resolve(socket.getPeerX509Certificate());
        socket.destroy();
      });
    });
  const everywhere = async (name: string): Promise<readonly (X509Certificate | undefined)[]> =>
    Promise.all(at.agents.map((_, index) => shown(index, name)));
  /** Once every agent shows one for this name that is not this one. */
  const untilShown = async (name: string, otherThan?: string): Promise<readonly X509Certificate[]> => {
    const { value } = await until(
      `${name} is shown everywhere`,
      async () => {
        const all = (await everywhere(name)).flatMap((one) =>
          one?.checkHost(name) === undefined || one.fingerprint256 === otherThan ? [] : [one],
        );
        return all.length === at.agents.length && all;
      },
      WAIT_MS,
      200,
    ).catch(async (cause: unknown) => {
      const certificates = await at.client.listCertificates({});
      throw new Error(`${JSON.stringify(certificates).slice(0, 3_000)} ${at.log.slice(-3_000)}`, { cause });
    });
    return value;
  };
  const policy = (name: string, spec: object): object => ({
    kind: 'CertificatePolicy',
    metadata: { name },
    spec,
  });
  const listener = (name: string, hostname: string, ref: string): object => ({
    name,
    port: 443,
    protocol: 'HTTPS',
    hostname,
    tls: { certificateRefs: [{ group: 'portolan.dev', kind: 'CertificatePolicy', name: ref }] },
  });

  beforeAll(async () => {
    // An answer that takes three seconds.
    backend = createServer((_request, response) => {
      let left = 60;
      const timer = setInterval(() => {
        left -= 1;
        response.write(Buffer.alloc(64 * 1024, left));
        if (left > 0) return;
        clearInterval(timer);
        response.end();
      }, 50);
      response.on('close', () => clearInterval(timer));
    }).listen(0, '127.0.0.1');
    await once(backend, 'listening');
    at = await startInstallation('DE', false, (name, folder) =>
      name === 'west'
        ? {
            certificates: {
              exports: [
                {
                  policy: 'default/shop',
                  certificateFile: join(folder, 'web.crt'),
                  keyFile: join(folder, 'web.key'),
                  reload: ['/bin/sh', '-c', `echo reloaded >> ${join(folder, 'reloads')}`],
                },
              ],
            },
          }
        : {},
    );
    dns = await startChallengeServer();
    const [first] = at.agents;
    ca = await startPebble({ dnsServer: dns.dns, httpPort: first?.http ?? 0, tlsPort: first?.https ?? 0 });
    await at.apply(
      { kind: 'Secret', metadata: { name: 'roots' }, spec: { stringData: { 'ca.crt': ca.serverCa } } },
      {
        kind: 'Issuer',
        metadata: { name: 'acme' },
        spec: {
          acme: {
            directory: ca.directory,
            termsOfServiceAgreed: true,
            caSecret: { name: 'roots', key: 'ca.crt' },
          },
        },
      },
      { kind: 'Issuer', metadata: { name: 'own' }, spec: { internal: {} } },
      policy('shop', { issuers: ['acme'], dnsNames: [SHOP], challenge: 'http-01' }),
      policy('mail', { issuers: ['acme'], dnsNames: [MAIL], challenge: 'tls-alpn-01' }),
      policy('own', { issuers: ['own'], dnsNames: [OWN], key: { location: 'agent' } }),
      {
        apiVersion: GATEWAY_API,
        kind: 'Gateway',
        metadata: { name: 'public' },
        spec: {
          gatewayClassName: 'portolan',
          listeners: [
            { name: 'http', port: 80, protocol: 'HTTP' },
            listener('shop', SHOP, 'shop'),
            listener('mail', MAIL, 'mail'),
            listener('own', OWN, 'own'),
          ],
        },
      },
      {
        kind: 'Backend',
        metadata: { name: 'web' },
        spec: { endpoints: [{ address: '127.0.0.1', port: (backend.address() as AddressInfo).port }] },
      },
      {
        apiVersion: GATEWAY_API,
        kind: 'HTTPRoute',
        metadata: { name: 'web' },
        spec: {
          parentRefs: [{ name: 'public' }],
          rules: [{ backendRefs: [{ name: 'web', group: 'portolan.dev', kind: 'Backend', port: 80 }] }],
        },
      },
    );
  }, 240_000);
  afterAll(async () => {
    await at.close();
    await ca.stop();
    await dns.stop();
    backend.closeAllConnections();
    backend.close();
  });

  it('are proven by http-01 and tls-alpn-01 on ports that have no certificate yet, and the same one is shown by every cluster', async () => {
    const shop = await untilShown(SHOP);
    const mail = await untilShown(MAIL);
    expect(new Set(shop.map(({ fingerprint256 }) => fingerprint256)).size).toBe(1);
    expect(new Set(mail.map(({ fingerprint256 }) => fingerprint256)).size).toBe(1);
    expect(shop[0]?.fingerprint256).not.toBe(mail[0]?.fingerprint256);
  });

  it('nothing of a challenge is left, and who offers acme-tls/1 then gets no handshake', async () => {
    const asked = (protocol: string): Promise<string> =>
      new Promise((resolve) => {
        const { https } = at.agents[0] ?? { https: 0 };
        const to = { host: '127.0.0.1', port: https, servername: SHOP, rejectUnauthorized: false };
        const socket = connect({ ...to, ALPNProtocols: [protocol] });
        socket.once('error', ({ message }) => resolve(message));
        socket.once('secureConnect', () => {
          resolve(String(socket.alpnProtocol));
          socket.destroy();
        });
      });
    expect(await asked('acme-tls/1')).toContain('no application protocol');
    expect(await asked('http/1.1')).toBe('http/1.1');
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const path = '/.well-known/acme-challenge/x';
      get(
        { host: '127.0.0.1', port: at.agents[0]?.http, path, headers: { host: 'nobody.example' } },
        (reply) => {
          reply.destroy();
          resolve(reply.statusCode);
        },
      ).once('error', reject);
    });
    // To the backend, as everything else.
    expect(status).toBe(200);
  });

  it('I9 are replaced while a download runs and others come: none breaks, and every new handshake shows the new one', async () => {
    const before = (await untilShown(SHOP))[0]?.fingerprint256 ?? '';
    const agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
    const download = (): Promise<number> =>
      new Promise((resolve, reject) => {
        let octets = 0;
        const asked = request(
          { host: '127.0.0.1', port: at.agents[0]?.https, servername: SHOP, headers: { host: SHOP }, agent },
          (reply) => {
            reply.on('data', (chunk: Buffer) => {
              octets += chunk.length;
            });
            reply.once('end', () => resolve(octets));
            reply.once('error', reject);
          },
        );
        asked.once('error', reject);
        asked.end();
      });
    const [certificate] = (await at.client.listCertificates({})).filter(({ dnsNames }) =>
      dnsNames.includes(SHOP),
    );
    let replaced = false;
    const downloads: Promise<number>[] = [];
    const load = (async () => {
      while (!replaced) {
        downloads.push(download());
        await new Promise((resolve) => setTimeout(resolve, 150));
      }
    })();
    await at.client.renewCertificate('default', certificate?.id ?? '', {});
    const after = await untilShown(SHOP, before).finally(() => {
      replaced = true;
    });
    await load;
    const octets = await Promise.all(downloads);
    agent.destroy();
    expect(octets.length).toBeGreaterThan(3);
    expect(new Set(octets)).toEqual(new Set([OCTETS]));
    for (let i = 0; i < 20; i += 1)
      expect((await shown(0, SHOP))?.fingerprint256).toBe(after[0]?.fingerprint256);
  });

  it('I33 whose keys agents make are one for each cluster, and the keys are on these machines alone', async () => {
    const own = await untilShown(OWN);
    expect(new Set(own.map(({ fingerprint256 }) => fingerprint256)).size).toBe(at.agents.length);
    for (const { name } of at.agents) {
      const folder = join(at.folder, name, 'certificate-keys');
      const files = await readdir(folder);
      expect(files.length).toBeGreaterThan(0);
      for (const file of files) {
        expect((await stat(join(folder, file))).mode & 0o777).toBe(0o600);
        const pem = await readFile(join(folder, file), 'utf8');
        const middle = pem.split('\n')[2] ?? '';
        expect(middle.length).toBeGreaterThan(40);
        const found = await run('grep', ['-rlF', middle, at.folder]);
        expect(found.stdout.trim().split('\n')).toEqual([join(folder, file)]);
        expect(at.log + at.said).not.toContain(middle);
      }
    }
  });

  it('are given to other programs, which hear of each new one once, also after the agent starts anew', async () => {
    const file = join(at.folder, 'web.crt');
    const shop = (await untilShown(SHOP))[0]?.fingerprint256;
    const written = async (): Promise<boolean> =>
      new X509Certificate(await readFile(file, 'utf8')).fingerprint256 === shop;
    await until('the file is the newest', written, WAIT_MS);
    const key = join(at.folder, 'web.key');
    expect((await stat(key)).mode & 0o777).toBe(0o600);
    const reloads = async (): Promise<number> =>
      (await readFile(join(at.folder, 'reloads'), 'utf8')).split('\n').length - 1;
    const before = (await until('a reload', async () => (await reloads()) > 0 && (await reloads()), WAIT_MS))
      .value;
    expect(before).toBeLessThanOrEqual(2);
    const { rm } = await import('node:fs/promises');
    await at.stopAgent(1);
    await rm(key);
    at.startAgent(1);
    await until('the key is there again', async () => (await stat(key)).size > 0, WAIT_MS);
    await until('one more reload', async () => (await reloads()) === before + 1, WAIT_MS);
    await untilShown(OWN);
  });

  it('are seen from outside by the hub', async () => {
    let last: unknown;
    await until(
      'every cluster was seen to show it',
      async () => {
        const status = (await at.client.get('CertificatePolicy', { namespace: 'default', name: 'shop' }))
          ?.status;
        last = status?.clusters;
        return (
          status?.clusters.length === at.agents.length &&
          status.clusters.every(({ served }) => served === 'yes')
        );
      },
      WAIT_MS,
      200,
    ).catch((cause: unknown) => {
      throw new Error(JSON.stringify(last), { cause });
    });
    expect(last).toContainEqual({ name: 'east', delivered: true, served: 'yes' });
  });
});
