import { randomBytes } from 'node:crypto';
import { type CertificatesOfHub, createCertificatesOfHub } from '../hub/certificates/hub-part.ts';
import { systemProviderClock } from '../hub/providers/clock.ts';
import { createOutboundGuard } from '../hub/providers/outbound.ts';
import { NO_OBJECTS, type Objects } from '../hub/reconcile/objects.ts';
import type { World } from '../hub/reconcile/world.ts';
import type { Store } from '../hub/store/contract.ts';
import { openStore } from '../hub/store/open.ts';
import type { CertificateRecord } from '../src/certificates/model.ts';
import { chooseRenewal } from '../src/certificates/renewal.ts';
import { certificateId } from '../src/certificates/wanted.ts';
import type { Resource } from '../src/resources/catalogue.ts';

/*
 * `certs-process.ts MODE FILE …`: one measurement in a process of its own, told as JSON on stdout.
 *   fill FILE           writes 10,000 certificates
 *   pass FILE           reads them as a hub that starts does, and looks what is due
 *   issue FILE DIRECTORY COUNT   gets that many at a CA, whose own root is on stdin
 */

const STORED = 10_000;
const DAY_MS = 86_400_000;
/** What lies beside each: a chain and a key are some kilobytes, sealed. */
const CHAIN_PEM = `-----BEGIN CERTIFICATE-----\n${'A'.repeat(2800)}\n-----END CERTIFICATE-----\n`;
const KEY_PEM = `-----BEGIN PRIVATE KEY-----\n${'A'.repeat(180)}\n-----END PRIVATE KEY-----\n`;
const ISSUER = 'shop/ca';

const [mode = '', file = '', directory = 'https://127.0.0.1:9/directory', count = '0'] =
  process.argv.slice(2);
const kek = Buffer.alloc(32, 7);
const store = await openStore({ kind: 'sqlite', file }, { kek, wallClock: Date.now, random: randomBytes });

switch (mode) {
  case 'fill':
    await fill();
    break;
  case 'pass':
    await measurePass();
    break;
  case 'issue':
    await measureIssue(Number(count));
    break;
  default:
    throw new Error(`there is no mode ${mode}`);
}
await store.close();
process.exit(0);

// --- the world

function metadata(name: string): Resource['metadata'] {
  return {
    namespace: 'shop',
    name,
    uid: name,
    resourceVersion: '1',
    generation: 1,
    creationTimestamp: '2026-01-01T00:00:00Z',
    finalizers: [],
    labels: {},
    annotations: {},
  };
}

function worldOf(policies: number): World {
  const issuer: Resource<'Issuer'> = {
    apiVersion: 'portolan.dev/v1alpha1',
    kind: 'Issuer',
    metadata: metadata('ca'),
    spec: {
      acme: {
        directory,
        termsOfServiceAgreed: true,
        profile: 'default',
        caSecret: { name: 'ca', key: 'ca.crt' },
      },
    },
  };
  const wanted = Array.from({ length: policies }, (_, i): Resource<'CertificatePolicy'> => {
    const name = `policy-${i}`;
    return {
      apiVersion: 'portolan.dev/v1alpha1',
      kind: 'CertificatePolicy',
      metadata: metadata(name),
      spec: {
        issuers: ['ca'],
        dnsNames: [`h${i}.example.com`],
        namesPerCertificate: 100,
        key: { algorithm: 'ECDSA-P256', reuse: false, location: 'hub' },
        challenge: 'dns-01',
        renewal: { ari: true },
      },
    };
  });
  const objects: Objects = {
    ...NO_OBJECTS,
    Issuer: new Map([[ISSUER, issuer]]),
    CertificatePolicy: new Map(wanted.map((policy) => [`shop/${policy.metadata.name}`, policy])),
  };
  return { objects, policies: new Map(), hostnames: new Map(), targets: new Map(), usedBy: new Map() };
}

function recordOf(i: number, nowMs: number): CertificateRecord {
  const policy = `shop/policy-${i}`;
  const id = certificateId(policy, 0);
  const names = [`h${i}.example.com`];
  const issuedAtMs = nowMs - DAY_MS;
  const life = { notBeforeMs: issuedAtMs, notAfterMs: issuedAtMs + 90 * DAY_MS };
  const ari = {
    startMs: issuedAtMs + 58 * DAY_MS,
    endMs: issuedAtMs + 62 * DAY_MS,
    nextCheckAtMs: nowMs + DAY_MS,
  };
  const { atMs } = chooseRenewal({ id, renewal: { ari: true } }, life, ari);
  return {
    id,
    policy,
    current: {
      names,
      key: 'ECDSA-P256',
      issuer: ISSUER,
      serial: `0${i.toString(16)}`,
      sha256: i.toString(16).padStart(64, '0'),
      ...life,
      ariId: `AAAAAAAAAAAAAAAAAAAAAAAAAAA.${i.toString(36)}`,
      certificateUrl: `https://ca.example/certificate/${i}`,
      issuedAtMs,
      renewAtMs: atMs,
    },
    ari,
    history: [1, 2, 3].map((n) => ({
      atMs: issuedAtMs - (n - 1) * 60 * DAY_MS,
      event: n === 3 ? ('issued' as const) : ('renewed' as const),
      issuer: ISSUER,
      names,
      serial: `0${i.toString(16)}`,
    })),
  };
}

// --- measurements

async function fill(): Promise<void> {
  const nowMs = Date.now();
  for (let from = 0; from < STORED; from += 500)
    await store.putCertificates(
      Array.from({ length: 500 }, (_, i) => {
        const record = recordOf(from + i, nowMs);
        return {
          key: { kind: 'certificate', namespace: 'shop', name: record.id },
          version: 1,
          state: JSON.stringify(record),
          values: { 'current.crt': CHAIN_PEM, 'current.key': KEY_PEM },
        } as const;
      }),
      { epoch: store.epoch },
    );
  process.stdout.write(JSON.stringify({ stored: STORED }));
}

function certificatesOf(rootPem: string, onServed: () => void): CertificatesOfHub {
  const kept: Pick<
    Store,
    'listCertificates' | 'certificateValues' | 'putCertificates' | 'secretData' | 'epoch'
  > = {
    epoch: store.epoch,
    listCertificates: (kind) => store.listCertificates(kind),
    certificateValues: (key) => store.certificateValues(key),
    putCertificates: (writes, options) => store.putCertificates(writes, options),
    secretData: async () => ({ 'ca.crt': rootPem }),
  };
  return createCertificatesOfHub({
    store: kept,
    guard: createOutboundGuard({ allowedRanges: ['127.0.0.0/8'], resolve: async () => [] }),
    developmentCa: { issueFromRequest: () => Promise.reject(new Error('not asked')) },
    version: 'bench',
    clock: systemProviderClock,
    random: Math.random,
    // The CA takes every challenge for good, as it does for the peer: what is measured is the conversation with it.
    presenters: [
      {
        type: 'dns-01',
        can: async () => ({ ok: true }),
        want: () => undefined,
        visible: async () => undefined,
        close: async () => undefined,
      },
    ],
    agentKeys: { want: () => undefined, request: () => Promise.reject(new Error('not asked')) },
    onServed,
    onStatus: () => undefined,
    log: { info: () => undefined, warn: () => undefined },
  });
}

async function measurePass(): Promise<void> {
  const world = worldOf(STORED);
  globalThis.gc?.();
  const certificates = certificatesOf('', () => undefined);
  const cpu = (since?: NodeJS.CpuUsage): number => {
    const { user, system } = process.cpuUsage(since);
    return (user + system) / 1e6;
  };
  const before = process.cpuUsage();
  await certificates.open();
  const readCpu = cpu(before);
  const then = process.cpuUsage();
  certificates.follow(world);
  certificates.start();
  const startCpu = cpu(then);
  const passes: number[] = [];
  for (let i = 0; i < 11; i += 1) {
    const since = process.cpuUsage();
    certificates.driver.pass();
    passes.push(cpu(since));
  }
  passes.sort((a, b) => a - b);
  const records = certificates.book.all.size;
  const due = certificates.driver.activity.size;
  const workingMegabytes = process.memoryUsage().rss / 1e6;
  globalThis.gc?.();
  const megabytes = process.memoryUsage().rss / 1e6;
  await certificates.close();
  process.stdout.write(
    JSON.stringify({ records, due, readCpu, startCpu, passCpu: passes[5], workingMegabytes, megabytes }),
  );
}

async function measureIssue(certificatesWanted: number): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
  const certificates = certificatesOf(Buffer.concat(chunks).toString('utf8'), () => undefined);
  await certificates.open();
  const since = process.cpuUsage();
  const startedMs = performance.now();
  certificates.follow(worldOf(certificatesWanted));
  certificates.start();
  const deadline = startedMs + 900_000;
  const done = (): number =>
    [...certificates.book.all.values()].filter(({ current }) => current !== undefined).length;
  while (done() < certificatesWanted && performance.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 50));
  const seconds = (performance.now() - startedMs) / 1000;
  const { user, system } = process.cpuUsage(since);
  const issued = done();
  const failures = [...certificates.book.all.values()].find((r) => r.failures !== undefined)?.failures;
  await certificates.close();
  process.stdout.write(
    JSON.stringify({ issued, seconds, cpuSeconds: (user + system) / 1e6, failure: failures?.message }),
  );
}
