import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testAuthority } from './certificates.ts';
import { freePort } from './free-port.ts';
import { goProgram } from './go-tools.ts';
import { type ServerProcess, watchServer } from './server-process.ts';
import { requireServer, type ServerState, skipped } from './servers.ts';
import { until } from './until.ts';

const MODULE = 'github.com/letsencrypt/pebble/v2/cmd';
const VERSION = 'v2.10.1';
const START_MS = 30_000;

/** What `startPebble` needs, built from source once: no distribution has one with renewal information. */
export async function requirePebble(suite: string): Promise<ServerState> {
  const go = await requireServer('go', suite);
  if (!go.available) return go;
  try {
    await pebbleProgram('pebble-challtestsrv');
    return { available: true, path: await pebbleProgram('pebble') };
  } catch (error) {
    const reason = `pebble cannot be built: ${error instanceof Error ? error.message : String(error)}`;
    return skipped(
      suite,
      reason,
      `go install ${MODULE}/pebble@${VERSION} (with Go 1.21 or newer: https://go.dev/dl)`,
    );
  }
}

/** A program of pebble's module: `pebble`, `pebble-challtestsrv`. */
export const pebbleProgram = (name: string): Promise<string> =>
  goProgram(`${MODULE}/${name}@${VERSION}`, name);

export interface PebbleOptions {
  /** `host:port` that it asks for TXT, CAA and addresses; default: the machine's resolver. */
  readonly dnsServer?: string;
  /** Ports of the gateways that it looks at. */
  readonly httpPort?: number;
  readonly tlsPort?: number;
  /** Percent of good nonces that it rejects; default none. */
  readonly nonceReject?: number;
  /** Percent of valid authorizations that it uses again; default none. */
  readonly authorizationReuse?: number;
  /** Seconds that it waits at most before it looks; default none. */
  readonly sleepSeconds?: number;
  /** Takes every challenge for good without looking. */
  readonly alwaysValid?: boolean;
  readonly alternateRoots?: number;
  readonly chainLength?: number;
  readonly ordersPerPage?: number;
  /** Name → life in seconds; default: `default` of 90 days and `shortlived` of 6. */
  readonly profiles?: Readonly<Record<string, number>>;
  /** Key id → HMAC key (base64url); with any, an account needs one. */
  readonly externalAccounts?: Readonly<Record<string, string>>;
  readonly blocked?: readonly string[];
  readonly caaIdentities?: readonly string[];
  /** Seconds of Retry-After of authorizations and orders; default 1 and 1. */
  readonly retryAfterSeconds?: { readonly authz: number; readonly order: number };
  /** Ports of another start, whose addresses stay; what it knew is lost all the same. */
  readonly again?: Pick<Pebble, 'port' | 'managementPort' | 'tls'>;
}

/** A real CA on 127.0.0.1 with everything in memory. */
export interface Pebble extends ServerProcess {
  /** URL of its directory. */
  readonly directory: string;
  readonly managementPort: number;
  /** PEM: what to trust to speak with it. */
  readonly serverCa: string;
  /** Its own certificate for TLS. */
  readonly tls: PebbleTls;
  /** PEM of the root that its chains lead to, by number: 0, then the alternate ones. */
  root(number?: number): Promise<string>;
  /** What it answers for a certificate's renewal window from now on. */
  setRenewalInfo(certificatePem: string, window: { startMs: number; endMs: number }): Promise<void>;
  /** Whether a certificate is revoked, by its serial in hex. */
  isRevoked(serial: string): Promise<boolean>;
}

export interface PebbleTls {
  readonly ca: string;
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** @throws with what it said, when it does not serve within half a minute */
export async function startPebble(options: PebbleOptions = {}): Promise<Pebble> {
  const path = await pebbleProgram('pebble');
  const folder = await mkdtemp(join(tmpdir(), 'pebble-'));
  const tls = options.again?.tls ?? (await loopbackTls());
  const port = options.again?.port ?? (await freePort());
  const managementPort = options.again?.managementPort ?? (await freePort());
  const certificate = join(folder, 'tls.crt');
  const privateKey = join(folder, 'tls.key');
  await writeFile(certificate, tls.certificatePem);
  await writeFile(privateKey, tls.keyPem, { mode: 0o600 });
  const config = join(folder, 'pebble.json');
  const externalAccounts = options.externalAccounts ?? {};
  const profiles = options.profiles ?? { default: 90 * 86_400, shortlived: 6 * 86_400 };
  await writeFile(
    config,
    JSON.stringify({
      pebble: {
        listenAddress: `127.0.0.1:${port}`,
        managementListenAddress: `127.0.0.1:${managementPort}`,
        certificate,
        privateKey,
        httpPort: options.httpPort ?? 80,
        tlsPort: options.tlsPort ?? 443,
        keyAlgorithm: 'ecdsa',
        externalAccountBindingRequired: Object.keys(externalAccounts).length > 0,
        externalAccountMACKeys: externalAccounts,
        domainBlocklist: options.blocked ?? [],
        ...(options.caaIdentities === undefined ? {} : { caaIdentities: options.caaIdentities }),
        retryAfter: options.retryAfterSeconds ?? { authz: 1, order: 1 },
        profiles: Object.fromEntries(
          Object.entries(profiles).map(([name, validityPeriod]) => [
            name,
            { description: `lives ${validityPeriod} seconds`, validityPeriod },
          ]),
        ),
      },
    }),
  );
  const child = spawn(
    path,
    ['-config', config, ...(options.dnsServer === undefined ? [] : ['-dnsserver', options.dnsServer])],
    {
      cwd: folder,
      env: {
        PEBBLE_WFE_NONCEREJECT: String(options.nonceReject ?? 0),
        PEBBLE_AUTHZREUSE: String(options.authorizationReuse ?? 0),
        ...(options.sleepSeconds === undefined
          ? { PEBBLE_VA_NOSLEEP: '1' }
          : { PEBBLE_VA_SLEEPTIME: String(options.sleepSeconds) }),
        ...(options.alwaysValid === true ? { PEBBLE_VA_ALWAYS_VALID: '1' } : {}),
        PEBBLE_ALTERNATE_ROOTS: String(options.alternateRoots ?? 0),
        PEBBLE_CHAIN_LENGTH: String(options.chainLength ?? 1),
        PEBBLE_WFE_ORDERS_PER_PAGE: String(options.ordersPerPage ?? 100),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const watched = watchServer('pebble', port, child);
  const ask = (
    path: string,
    body?: string,
    onPort = managementPort,
  ): Promise<{ status: number; body: string }> => loopback(onPort, tls.ca, path, body);
  const stop = async (): Promise<void> => {
    await watched.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await until(
      'pebble serves',
      async () => {
        if (child.exitCode !== null) throw new Error('it ended');
        const answers = await Promise.all([ask('/dir', undefined, port), ask('/roots/0')]);
        return answers.every(({ status }) => status === 200);
      },
      START_MS,
    );
  } catch (cause) {
    await stop();
    throw new Error(`pebble does not serve; it said:\n${watched.said()}`, { cause });
  }
  return {
    ...watched,
    directory: `https://127.0.0.1:${port}/dir`,
    managementPort,
    serverCa: tls.ca,
    tls,
    root: async (number = 0) => (await ask(`/roots/${number}`)).body,
    async setRenewalInfo(certificatePem, { startMs, endMs }) {
      const window = { start: new Date(startMs).toISOString(), end: new Date(endMs).toISOString() };
      const { status, body } = await ask(
        '/set-renewal-info/',
        JSON.stringify({
          Certificate: certificatePem,
          ARIResponse: JSON.stringify({ suggestedWindow: window }),
        }),
      );
      if (status !== 200) throw new Error(`pebble did not take the window: ${body}`);
    },
    async isRevoked(serial) {
      const { body } = await ask(`/cert-status-by-serial/${serial.toLowerCase()}`);
      return body.includes('"Status": "Revoked"') || body.includes('"Status":"Revoked"');
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** An authority for this server alone, and a certificate of it for 127.0.0.1. */
async function loopbackTls(): Promise<PebbleTls> {
  const authority = await testAuthority('the TLS of pebble');
  const { certificatePem, keyPem } = await authority.issue({ dns: ['localhost'], ips: ['127.0.0.1'] });
  return { ca: authority.certificatePem, certificatePem, keyPem };
}

function loopback(
  port: number,
  ca: string,
  path: string,
  body: string | undefined,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: '127.0.0.1',
        port,
        path,
        ca,
        method: body === undefined ? 'GET' : 'POST',
        agent: false,
        headers: { 'User-Agent': 'portolan-tests' },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => {
          text += part;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}
