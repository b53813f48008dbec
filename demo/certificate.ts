import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { z } from 'zod';
import type { Certificate, Client } from '../src/client/client.ts';
import { PortolanError } from '../src/errors/error.ts';
import type { Programs } from './programs.ts';
import { type AcmeCa, CERTIFICATE_POLICY, CLUSTERS, HOSTNAME, NAMESPACE } from './world.ts';

const caLine = z.object({ directory: z.string(), authority: z.string(), root: z.string() });
const FILE = 'ca.pem';
const KEPT_ROOTS = 8;
const LIMIT_MS = 20_000;
const LOOK_EVERY_MS = 100;

export interface RunningCa extends AcmeCa {
  /** PEM of the root its certificates lead to: another one at every start. */
  readonly root: string;
}

/** Starts the CA that speaks ACME. @throws PortolanError when it does not start */
export async function startCa(
  programs: Programs,
  options: {
    readonly pebble: string;
    readonly folder: string;
    readonly port: number;
    readonly managementPort: number;
    /** `host:port` of the name server that it asks. */
    readonly dns: string;
  },
): Promise<RunningCa> {
  const { pebble, folder, port, managementPort, dns } = options;
  const running = programs.start('pebble', 'demo-ca', [
    ...[pebble, join(folder, 'pebble'), String(port), String(managementPort), dns],
  ]);
  return caLine.parse(await running.ready);
}

/**
 * What clients trust, in one file for `curl --cacert`: the roots given and those of earlier starts, whose certificates may still be served.
 * @returns its path
 */
export function keepRoots(folder: string, roots: readonly string[]): string {
  const file = join(folder, FILE);
  const all = [...roots.flatMap(certificates), ...certificates(readText(file))];
  writeFileSync(`${file}.new`, [...new Set(all)].slice(0, KEPT_ROOTS).join(''));
  renameSync(`${file}.new`, file);
  return file;
}

/** A certificate of the internal CA, of a start without the one that speaks ACME, is replaced at once: waits for that, for a while. */
export async function untilAcme(client: Client, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (!signal.aborted && performance.now() < deadline) {
    const now = await certificateNow(client);
    if (now?.serial !== undefined && now.issuer !== 'internal') return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** Waits until every gateway shows a certificate that leads to one of the roots. @returns false: not in time; it comes later */
export async function untilServed(port: number, rootsFile: string, signal: AbortSignal): Promise<boolean> {
  const deadline = performance.now() + LIMIT_MS;
  const ca = readText(rootsFile);
  const served = await Promise.all(
    CLUSTERS.map(async ({ address }) => {
      while (!signal.aborted && performance.now() < deadline) {
        if (await shakesHands(address, port, ca)) return true;
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      }
      return false;
    }),
  );
  return served.every(Boolean);
}

function shakesHands(host: string, port: number, ca: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, ca, servername: HOSTNAME, timeout: 1_000 });
    const end = (good: boolean): void => {
      socket.destroy();
      resolve(good);
    };
    socket.once('secureConnect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}

/** The demo's certificate as it is now; undefined: not known yet. */
export async function certificateNow(client: Client): Promise<Certificate | undefined> {
  try {
    const [first] = await client.listCertificates({ namespace: NAMESPACE, policy: CERTIFICATE_POLICY });
    return first;
  } catch (thrown) {
    // A hub that just starts does not know them all yet.
    if (PortolanError.from(thrown).code === 'NOT_READY') return undefined;
    throw thrown;
  }
}

function certificates(pem: string): readonly string[] {
  return (
    pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g)?.map((one) => `${one}\n`) ?? []
  );
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
