import { webcrypto } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { get as httpsGet } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import 'reflect-metadata';
import { createClient } from '../../src/client/client.ts';
import { startTestHub } from './fixture.ts';
import { createApi } from './server.ts';

const containing = (text: string): unknown => expect.stringContaining(text);

const raw = (port: number, headers: Record<string, string>): Promise<{ status: number; body: string }> =>
  new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path: '/healthz', headers }, (reply) => {
      let body = '';
      reply.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      reply.on('end', () => resolve({ status: reply.statusCode ?? 0, body }));
    });
    sent.on('error', reject);
    sent.end();
  });

describe('the API server', () => {
  it('answers only for the names it serves (DNS rebinding)', async () => {
    const hub = await startTestHub({
      config: { host: '127.0.0.1', port: 0, allowedHosts: ['hub.example.com'] },
    });
    const { port } = hub.bound;
    for (const good of ['127.0.0.1', `localhost:${port}`, `[::1]:${port}`, 'HUB.example.com'])
      expect(await raw(port, { host: good })).toMatchObject({ status: 200 });
    for (const bad of ['evil.example.com', 'localhost.evil.com', '127.0.0.1.evil.com']) {
      const { status, body } = await raw(port, { host: bad });
      expect({ bad, status }).toEqual({ bad, status: 403 });
      expect(JSON.parse(body)).toMatchObject({ code: 'HOST_NOT_ALLOWED' });
    }
    for (const malformed of ['127.0.0.1@evil.com', 'evil.com:80:80', 'a b']) {
      const { status, body } = await raw(port, { host: malformed });
      expect({ malformed, refused: status === 400 || status === 403 }).toEqual({ malformed, refused: true });
      expect(JSON.parse(body)).toMatchObject({ code: containing(''), fix: containing('') });
    }
    await hub.close();
  });

  it('answers what is no HTTP with a problem and goes on', async () => {
    const hub = await startTestHub();
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(hub.bound.port, '127.0.0.1', () => socket.write('\x16\x03\x01 hello\r\n\r\n'));
      let text = '';
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      socket.on('close', () => resolve(text));
      socket.on('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"code":"UNSUPPORTED"');
    expect((await fetch(`${hub.bound.url}/healthz`)).status).toBe(200);
    await hub.close();
  });

  it('refuses to be reachable without TLS', async () => {
    const hub = await startTestHub();
    const open = createApi({
      store: hub.store,
      services: hub.services,
      config: { host: '0.0.0.0', port: 0, allowedHosts: [] },
      clock: { nowMs: () => 0 },
      log: { debug() {}, info() {}, warn() {}, error() {} },
    });
    await expect(open.start()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await hub.close();
  });

  it('says which address is taken', async () => {
    const hub = await startTestHub();
    const second = createApi({
      store: hub.store,
      services: hub.services,
      config: { host: '127.0.0.1', port: hub.bound.port, allowedHosts: [] },
      clock: { nowMs: () => 0 },
      log: { debug() {}, info() {}, warn() {}, error() {} },
    });
    await expect(second.start()).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: containing(String(hub.bound.port)),
    });
    await hub.close();
  });

  it('closing ends watches, lets a request in flight finish, and refuses new ones', async () => {
    const hub = await startTestHub();
    const { text } = await hub.token([{ namespace: '*', role: 'admin' }]);
    const headers = { authorization: `Bearer ${text}` };
    const watch = await fetch(`${hub.bound.url}/v1/watch`, { headers });
    let finish: (text: string) => void = () => undefined;
    let entered: () => void = () => undefined;
    const inside = new Promise<void>((resolve) => {
      entered = resolve;
    });
    hub.services.metrics = () =>
      new Promise((resolve) => {
        finish = resolve;
        entered();
      });
    const slow = fetch(`${hub.bound.url}/metrics`, { headers });
    await inside;
    const closed = hub.api.close();
    expect(await watch.text()).toContain('event: synced');
    finish('portolan_up 1\n');
    expect(await (await slow).text()).toBe('portolan_up 1\n');
    await closed;
    await expect(createClient({ server: hub.bound.url }).ready()).rejects.toMatchObject({
      code: 'HUB_UNREACHABLE',
    });
    await hub.close();
  });

  it('one token cannot take the watches of all the others', async () => {
    const hub = await startTestHub({ streams: { heartbeatMs: 1000, maximum: 10, maximumPerToken: 2 } });
    const greedy = (await hub.token([{ namespace: '*', role: 'viewer' }])).text;
    const other = (await hub.token([{ namespace: '*', role: 'viewer' }])).text;
    const abort = new AbortController();
    const open = (token: string) =>
      fetch(`${hub.bound.url}/v1/watch`, {
        headers: { authorization: `Bearer ${token}` },
        signal: abort.signal,
      });
    expect([(await open(greedy)).status, (await open(greedy)).status]).toEqual([200, 200]);
    expect(await (await open(greedy)).json()).toMatchObject({ code: 'TOO_MANY_WATCHES' });
    expect((await open(other)).status).toBe(200);
    abort.abort();
    await hub.close();
  });

  it('a watch ends with UNAUTHENTICATED within a heartbeat of its token being revoked', async () => {
    const hub = await startTestHub({ streams: { heartbeatMs: 20, maximum: 10 } });
    const { id, text } = await hub.token([{ namespace: '*', role: 'viewer' }]);
    const watch = createClient({ server: hub.bound.url, token: text }).watch(
      {},
      { signal: new AbortController().signal },
    );
    const outcome = (async () => {
      for await (const change of watch)
        if (change.type === 'synced') await hub.store.revokeToken(id, { id: 'hub', display: 'hub' });
    })();
    await expect(outcome).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    await hub.close();
  });

  it('a watch from a revision that is no longer kept ends with WATCH_EXPIRED; the client starts anew', async () => {
    const hub = await startTestHub({ eventsKept: 5 });
    const { text } = await hub.token([{ namespace: '*', role: 'admin' }]);
    const api = createClient({ server: hub.bound.url, token: text, sleep: async () => undefined });
    const name = { namespace: 'team', name: 'c' };
    const doc = (port: number) => ({ metadata: name, spec: { protocol: 'tcp', port } });
    await api.create('HealthCheck', name, doc(1));
    for (let port = 2; port < 30; port += 1) await api.replace('HealthCheck', name, doc(port));
    const reply = await fetch(`${hub.bound.url}/v1/watch?resourceVersion=1`, {
      headers: { authorization: `Bearer ${text}` },
    });
    expect(await reply.text()).toContain('"code":"WATCH_EXPIRED"');
    const stop = new AbortController();
    const seen: string[] = [];
    for await (const change of api.watch({ kind: 'HealthCheck' }, { signal: stop.signal, fromRevision: 1 })) {
      seen.push(change.type);
      if (change.type === 'synced') stop.abort();
    }
    expect(seen).toEqual(['restarted', 'added', 'synced']);
    await hub.close();
  });

  it('opens no more watches than it allows, and the place of one that ended is free again', async () => {
    const hub = await startTestHub({ streams: { heartbeatMs: 1000, maximum: 1 } });
    const { text } = await hub.token([{ namespace: '*', role: 'viewer' }]);
    const headers = { authorization: `Bearer ${text}` };
    const abort = new AbortController();
    const first = await fetch(`${hub.bound.url}/v1/watch`, { headers, signal: abort.signal });
    expect(first.status).toBe(200);
    const second = await fetch(`${hub.bound.url}/v1/watch`, { headers });
    expect(await second.json()).toMatchObject({ code: 'TOO_MANY_WATCHES' });
    abort.abort();
    await expect
      .poll(async () => {
        const again = await fetch(`${hub.bound.url}/v1/watch`, { headers });
        await again.body?.cancel();
        return again.status;
      })
      .toBe(200);
    await hub.close();
  });

  it('readyz tells the reasons while the hub is not ready', async () => {
    const hub = await startTestHub();
    hub.services.ready = async () => ({ ready: false, reasons: ['the store does not answer'] });
    expect((await fetch(`${hub.bound.url}/readyz`)).status).toBe(503);
    expect(await createClient({ server: hub.bound.url }).ready()).toEqual({
      ready: false,
      reasons: ['the store does not answer'],
    });
    await hub.close();
  });

  it('serves TLS with the configured certificate', async () => {
    // Loaded after the metadata functions it asks for.
    const { PemConverter, SubjectAlternativeNameExtension, X509CertificateGenerator } = await import(
      '@peculiar/x509'
    );
    const folder = await mkdtemp(join(tmpdir(), 'portolan-tls-'));
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const certificate = await X509CertificateGenerator.createSelfSigned(
      {
        name: 'CN=hub',
        keys,
        signingAlgorithm: algorithm,
        extensions: [new SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
      },
      webcrypto,
    );
    const pem = certificate.toString('pem');
    await writeFile(join(folder, 'tls.crt'), pem);
    await writeFile(
      join(folder, 'tls.key'),
      PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY'),
    );
    const hub = await startTestHub({
      config: {
        host: '127.0.0.1',
        port: 0,
        allowedHosts: [],
        tls: { certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') },
      },
    });
    expect(hub.bound.url).toMatch(/^https:/);
    const status = await new Promise((resolve, reject) => {
      httpsGet(`${hub.bound.url}/healthz`, { ca: pem }, (reply) => {
        reply.resume();
        resolve(reply.statusCode);
      }).on('error', reject);
    });
    expect(status).toBe(200);
    await expect(createClient({ server: hub.bound.url }).ready()).rejects.toMatchObject({
      code: 'HUB_UNREACHABLE',
      fix: containing('NODE_EXTRA_CA_CERTS'),
    });
    await hub.close();
    await rm(folder, { recursive: true });
  });
});
