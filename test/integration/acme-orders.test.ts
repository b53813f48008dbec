import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type AcmeFront, type FrontAction, startAcmeFront } from '../support/acme-front.ts';
import { runCli } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { type Pebble, requirePebble, startPebble } from '../support/pebble.ts';
import { requireRoot } from '../support/servers.ts';
import { until } from '../support/until.ts';

/*
 * Orders of a hub of its own process at a real CA, whose name servers are the hub's own: killed wherever it can be killed, and on a disk that is full.
 */

const SUITE = 'orders of a hub that dies, at a real CA';
const available = await requirePebble(SUITE);
const run = promisify(execFile);
const MAIN = fileURLToPath(new URL('../../hub/main.ts', import.meta.url));
const WAIT_MS = 60_000;
const ORIGIN = 'orders.example';

const certificates = z.object({
  items: z.array(
    z.object({
      id: z.string(),
      policy: z.string(),
      serial: z.string().optional(),
      state: z.string(),
      message: z.string().optional(),
    }),
  ),
});

/** The hub's own process: what is killed must not be a parent of it. */
interface Hub {
  readonly api: string;
  kill(): void;
  readonly gone: Promise<unknown>;
}

async function startHub(home: string, dns: string): Promise<Hub> {
  const child = spawn(process.execPath, [MAIN, '--config', join(home, 'hub.yaml')], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      PORTOLAN_API_PORT: '0',
      PORTOLAN_JOIN_LISTEN: '127.0.0.1:0',
      PORTOLAN_LINK_LISTEN: '127.0.0.1:0',
      PORTOLAN_DNS_LISTEN: dns,
      PORTOLAN_ALLOWED_RANGES: '127.0.0.0/8',
    },
  });
  let said = '';
  child.stderr.on('data', (text: Buffer) => {
    said = (said + text.toString()).slice(-2_000);
  });
  const gone = once(child, 'exit');
  const line = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    gone.then(() => Promise.reject(new Error(`the hub ended: ${said}`))),
  ]);
  const { api } = z.object({ api: z.string() }).parse(JSON.parse(z.string().parse(line[0])));
  return { api, gone, kill: () => void child.kill('SIGKILL') };
}

interface Site {
  hub: Hub;
  readonly front: AcmeFront;
  readonly ca: Pebble;
  call(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ readonly status: number; readonly json: unknown }>;
  apply(...documents: readonly object[]): Promise<number>;
  certificateOf(policy: string): Promise<z.output<typeof certificates>['items'][number] | undefined>;
  /** All that is said of it. */
  said(policy: string): Promise<string>;
  restart(): Promise<void>;
  close(): Promise<void>;
}

const doc = (kind: string, name: string, spec: object): object => ({
  apiVersion: 'portolan.dev/v1alpha1',
  kind,
  metadata: { namespace: 'default', name },
  spec,
});
const policyOf = (name: string): object =>
  doc('CertificatePolicy', name, { issuers: ['ca'], dnsNames: [`*.${name}.${ORIGIN}`] });

/** A hub in `home` with a zone, and a CA behind a front that asks it. */
async function startSite(home: string): Promise<Site> {
  expect((await runCli(['init', '--dir', home], { folder: home })).code).toBe(0);
  const dns = `127.0.0.1:${await freePort()}`;
  const token = (await readFile(join(home, 'admin.token'), 'utf8')).trim();
  const ca = await startPebble({ dnsServer: dns, nonceReject: 30, authorizationReuse: 50, sleepSeconds: 1 });
  const front = await startAcmeFront(() => ca);
  const site: Site = {
    hub: await startHub(home, dns),
    front,
    ca,
    async call(method, path, body) {
      const answer = await fetch(`${site.hub.api}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: answer.status, json: await answer.json() };
    },
    apply: async (...documents) => (await site.call('POST', '/v1/apply', { documents })).status,
    async certificateOf(policy) {
      const { json } = await site.call('GET', '/v1/certificates?namespace=default');
      return certificates.parse(json).items.find((item) => item.policy === policy);
    },
    async said(policy) {
      const id = (await site.certificateOf(policy))?.id ?? '';
      return JSON.stringify((await site.call('GET', `/v1/namespaces/default/certificates/${id}`)).json);
    },
    async restart() {
      await site.hub.gone;
      site.hub = await startHub(home, dns);
    },
    async close() {
      site.hub.kill();
      await site.hub.gone;
      await front.stop();
      await ca.stop();
    },
  };
  const trust = doc('Secret', 'ca', { stringData: { 'ca.crt': front.serverCa } });
  const issuer = doc('Issuer', 'ca', {
    acme: { directory: front.directory, termsOfServiceAgreed: true, caSecret: { name: 'ca', key: 'ca.crt' } },
  });
  const zone = doc('Zone', 'orders', {
    origin: ORIGIN,
    nameServers: [{ name: `ns1.${ORIGIN}`, addresses: ['127.0.0.1'] }],
  });
  expect(await site.apply(trust, issuer, zone)).toBe(200);
  return site;
}

/** Orders that the CA has made for these names: it acted, whether anybody heard of it or not. */
const ordersFor = (front: AcmeFront, name: string, lost: readonly unknown[]): number =>
  front.requests.filter(
    (r) =>
      r.action === 'newOrder' &&
      r.names?.includes(`*.${name}.${ORIGIN}`) === true &&
      (r.status === 201 || lost.includes(r)),
  ).length;

describe.skipIf(!available.available)(SUITE, () => {
  let home: string;
  let site: Site;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'portolan-orders-'));
    site = await startSite(home);
  });
  afterAll(async () => {
    await site.close();
    await rm(home, { recursive: true, force: true });
  });

  const places: readonly (readonly [string, FrontAction, 'before' | 'after'])[] = [
    ['asked for, and the CA does not have it', 'newOrder', 'before'],
    ['made, and nobody heard of it', 'newOrder', 'after'],
    ['read, and nothing was chosen yet', 'authorization', 'before'],
    // Told of it, the CA would ask name servers that died with the hub.
    ['challenged, and the CA was not told yet', 'challenge', 'before'],
    ['signed, and nobody heard of it', 'finalize', 'after'],
    ['about to be taken', 'certificate', 'after'],
  ];
  it.each(places.map((place, n) => [`p${n}`, ...place] as const))(
    'I22 %s: kill -9 when an order is %s: the next hub goes on with the same order',
    async (name, _what, action, when) => {
      const { front } = site;
      const lost: unknown[] = [];
      front.fault = (request) => {
        if (request.action !== action || lost.length > 0) return undefined;
        const dropped = (): void => {
          site.hub.kill();
          lost.push(request);
        };
        return { kind: 'drop', when, dropped };
      };
      // It may die before it has answered, and has kept the policy then.
      const applied = site.apply(policyOf(name)).catch(() => 200);
      await until('it dies', async () => lost.length > 0, WAIT_MS);
      expect(await applied).toBe(200);
      await site.restart();
      await until(
        'it is issued',
        async () => (await site.certificateOf(name))?.serial !== undefined,
        WAIT_MS,
      );
      expect(ordersFor(front, name, when === 'after' && action === 'newOrder' ? lost : [])).toBe(1);
      expect(await site.certificateOf(name)).toMatchObject({ state: 'valid' });
    },
    2 * WAIT_MS,
  );
});

const onVolume = `${SUITE}, on a full volume (a small tmpfs)`;
const root = requireRoot(onVolume);
describe.skipIf(!available.available || !root.available)(onVolume, () => {
  it(
    'I22 what cannot be kept is not asked for; with room again the same order goes on',
    async () => {
      const home = await mkdtemp(join(tmpdir(), 'portolan-full-'));
      await mkdir(home, { recursive: true });
      await run('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', home]);
      let site: Site | undefined;
      try {
        const ours = await startSite(home);
        site = ours;
        const { front } = ours;
        let held = false;
        front.fault = ({ action }) => {
          if (action !== 'newOrder' || held) return undefined;
          held = true;
          return { kind: 'delay', ms: 4_000 };
        };
        expect(await ours.apply(policyOf('volume'))).toBe(200);
        await until('the order is asked for', async () => held, WAIT_MS);
        await fill(join(home, 'ballast'));
        for (let n = 0; ; n += 1) {
          const data = { [`k${n}`]: 'x'.repeat(50_000) };
          if ((await ours.apply(doc('Secret', `fill-${n}`, { stringData: data }))) === 507) break;
          expect(n).toBeLessThan(500);
        }
        await until('the CA has made it', async () => ordersFor(front, 'volume', []) === 1, WAIT_MS);
        await until(
          'it says why it rests',
          async () => /rests until .*space/i.test(await ours.said('volume')),
          WAIT_MS,
        );
        expect(front.requests.filter(({ action }) => action === 'finalize')).toEqual([]);
        await rm(join(home, 'ballast'));
        await until(
          'it is issued',
          async () => (await ours.certificateOf('volume'))?.serial !== undefined,
          WAIT_MS,
        );
        expect(ordersFor(front, 'volume', [])).toBe(1);
      } finally {
        await site?.close();
        await run('umount', ['-l', home]);
        await rm(home, { recursive: true, force: true });
      }
    },
    3 * WAIT_MS,
  );
});

/** Takes all there is of the volume. */
async function fill(file: string): Promise<void> {
  const ballast = await open(file, 'w');
  try {
    for (const size of [1 << 20, 1 << 12])
      for (;;) {
        try {
          await ballast.write(Buffer.alloc(size));
        } catch {
          break;
        }
      }
  } finally {
    await ballast.close();
  }
}
