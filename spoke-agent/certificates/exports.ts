import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, PortolanError } from '../../src/errors/error.ts';
import { sha256Hex } from '../../src/identity/digest.ts';
import type { GatewayCertificate, GatewaySecrets } from '../../src/policy/model.ts';
import { backoffDelayMs } from '../../src/protocol/backoff.ts';
import type { LinkClock } from '../../src/protocol/clock.ts';
import { writeDurably } from '../durable-file.ts';
import type { AgentLog } from '../log.ts';
import { type ExportedFile, ownerOf, writeExports } from './export-files.ts';
import type { TlsSecret } from './kubernetes-secret.ts';
import { runReload } from './reload.ts';
import type { ExportItem } from './settings.ts';

export interface CertificateExports {
  /** Brings every file and Secret in line. */
  apply(secrets: GatewaySecrets): void;
  /** What cannot be given out now and why, by what it is. */
  readonly problems: ReadonlyMap<string, string>;
  readonly stats: { readonly written: number; readonly reloads: number; readonly failures: number };
  /** Settles when nothing is under way. */
  close(): Promise<void>;
}

/** Files and Secrets are looked at again this often though nothing changed. */
const LOOK_AGAIN_MS = 3_600_000;
const BACKOFF = { baseMs: 2_000, capMs: 300_000 };
/** What each export was brought to the end with: a reload that a crash swallowed is made up for. */
const MEMORY_FILE = 'certificate-exports.json';

export function createCertificateExports(options: {
  readonly items: readonly ExportItem[];
  readonly dataDir: string;
  /** Of keys that this agent made. */
  readonly readKey: (id: string) => Promise<string | undefined>;
  readonly putSecret: (secret: TlsSecret) => Promise<unknown>;
  readonly clock: Pick<LinkClock, 'after'>;
  readonly random: () => number;
  readonly onProblems: () => void;
  readonly log: AgentLog;
}): CertificateExports {
  const { items, log, clock, random, onProblems } = options;
  const path = join(options.dataDir, MEMORY_FILE);
  const ending = new AbortController();
  const problems = new Map<string, string>();
  const failures = new Map<ExportItem, number>();
  /** What Secrets were written with since the last look at all. */
  const put = new Map<ExportItem, string>();
  const stats = { written: 0, reloads: 0, failures: 0 };
  let memory: Record<string, string> | undefined;
  let current: GatewaySecrets | undefined;
  let working: Promise<void> | undefined;
  let again = false;
  let cancelRetry: (() => void) | undefined;

  async function remembered(): Promise<Record<string, string>> {
    if (memory !== undefined) return memory;
    let found: unknown;
    try {
      found = JSON.parse(await readFile(path, 'utf8'));
    } catch {
      // None, or none that can be read: everything is looked at, and reloaded once too often at worst.
    }
    memory = Object.fromEntries(
      typeof found === 'object' && found !== null
        ? Object.entries(found).flatMap(([name, value]: [string, unknown]) =>
            typeof value === 'string' ? [[name, value] as const] : [],
          )
        : [],
    );
    return memory;
  }

  async function bring(item: ExportItem, secrets: GatewaySecrets): Promise<void> {
    const certificate = certificateFor(item, secrets);
    const { certificatePem } = certificate;
    const keyPem =
      certificate.agentKey === undefined ? certificate.keyPem : await options.readKey(certificate.agentKey);
    if (keyPem === undefined || keyPem === '')
      throw new PortolanError(
        'EXPORT_FAILED',
        'the private key, which this agent made, is not in its data folder',
      );
    const known = await remembered();
    const id = nameOf(item);
    const digest = sha256Hex(Buffer.from(`${certificatePem}\0${keyPem}`));
    if (item.kubernetesSecret !== undefined) {
      // At the start, and now and then: somebody may have removed it.
      if (known[id] === digest && put.get(item) === digest) return;
      await options.putSecret({
        ...definedOnly(item.kubernetesSecret),
        certificatePem,
        keyPem,
        policy: item.policy,
      });
      put.set(item, digest);
      stats.written += 1;
    } else {
      const owner = item.owner === undefined ? undefined : await ownerOf(item.owner);
      const written = await writeExports(filesOf(item, certificatePem, keyPem), owner);
      if (written) {
        stats.written += 1;
        log.info({ export: id, sha256: leafDigest(certificatePem) }, 'a certificate was written to files');
      } else if (known[id] === digest) return;
      if (item.reload !== undefined) {
        await runReload(item.reload, {
          timeoutMs: item.reloadTimeoutSeconds * 1000,
          env: {
            PORTOLAN_CERTIFICATE_POLICY: item.policy,
            PORTOLAN_CERTIFICATE_FILE: item.certificateFile ?? '',
            PORTOLAN_KEY_FILE: item.keyFile ?? '',
          },
          signal: ending.signal,
        });
        stats.reloads += 1;
        log.info({ export: id }, 'the program that uses the certificate was reloaded');
      }
    }
    known[id] = digest;
    await writeDurably(path, Buffer.from(JSON.stringify(known)));
  }

  async function pass(secrets: GatewaySecrets): Promise<void> {
    const before = JSON.stringify([...problems]);
    // The one that failed least: a new failure does not wait for one that stays.
    let least = Number.POSITIVE_INFINITY;
    for (const item of items) {
      if (ending.signal.aborted) return;
      const id = nameOf(item);
      try {
        await bring(item, secrets);
        failures.delete(item);
        problems.delete(id);
      } catch (thrown) {
        if (ending.signal.aborted) return;
        const message = messageOf(thrown);
        if (isWaiting(thrown)) {
          problems.delete(id);
          continue;
        }
        const count = (failures.get(item) ?? 0) + 1;
        failures.set(item, count);
        least = Math.min(least, count);
        stats.failures += 1;
        if (problems.get(id) !== message)
          log.error(
            { export: id, error: message },
            'a certificate cannot be given to the program that needs it',
          );
        problems.set(id, message);
      }
    }
    cancelRetry =
      least < Number.POSITIVE_INFINITY
        ? clock.after(backoffDelayMs(least, random, BACKOFF), begin)
        : clock.after(LOOK_AGAIN_MS, () => {
            put.clear();
            begin();
          });
    if (JSON.stringify([...problems]) !== before) onProblems();
  }

  async function work(): Promise<void> {
    while (again && current !== undefined && !ending.signal.aborted) {
      again = false;
      cancelRetry?.();
      cancelRetry = undefined;
      await pass(current);
    }
  }

  function begin(): void {
    again = true;
    // Not at the end of `work`: one that waits for nothing ends before it is kept here.
    working ??= work().finally(() => {
      working = undefined;
      if (again && !ending.signal.aborted) begin();
    });
  }

  return {
    apply(secrets) {
      if (items.length === 0) return;
      current = secrets;
      begin();
    },
    problems,
    stats,
    async close() {
      ending.abort();
      cancelRetry?.();
      await working;
    },
  };
}

/** Not an error: it comes by itself. */
class Waiting extends Error {}
const isWaiting = (thrown: unknown): boolean => thrown instanceof Waiting;

function certificateFor(
  { policy, dnsName }: ExportItem,
  { sets = {}, certificates }: GatewaySecrets,
): GatewayCertificate {
  const ids = sets[`certificatepolicy/${policy}`];
  if (ids === undefined)
    throw new PortolanError(
      'EXPORT_FAILED',
      `the hub gives this cluster no certificates of CertificatePolicy ${policy}: its spec.clusters does not select the cluster, and no Gateway here names it`,
    );
  const found = ids.flatMap((id) => {
    const certificate = certificates[id];
    return certificate === undefined ? [] : [certificate];
  });
  if (found.length === 0) throw new Waiting(`no certificate of ${policy} yet`);
  if (dnsName === undefined) {
    const [first] = found;
    if (first !== undefined) return first;
  }
  const named = found.find(
    ({ certificatePem }) =>
      dnsName !== undefined && new X509Certificate(certificatePem).checkHost(dnsName) !== undefined,
  );
  if (named !== undefined) return named;
  throw new PortolanError('EXPORT_FAILED', `no certificate of CertificatePolicy ${policy} is for ${dnsName}`);
}

function filesOf(item: ExportItem, certificatePem: string, keyPem: string): readonly ExportedFile[] {
  const { certificateFile = '', keyFile = '' } = item;
  const mode = Number.parseInt(item.mode, 8);
  const chain = ended(certificatePem);
  if (certificateFile === keyFile) return [{ path: keyFile, content: chain + ended(keyPem), mode }];
  return [
    { path: keyFile, content: ended(keyPem), mode },
    { path: certificateFile, content: chain, mode: 0o644 },
  ];
}

const ended = (pem: string): string => (pem.endsWith('\n') ? pem : `${pem}\n`);

function nameOf({ policy, certificateFile, kubernetesSecret }: ExportItem): string {
  if (kubernetesSecret === undefined) return `export ${policy} to ${certificateFile}`;
  const { namespace, name } = kubernetesSecret;
  return `export ${policy} to Secret ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}

function definedOnly({ name, namespace }: NonNullable<ExportItem['kubernetesSecret']>) {
  return namespace === undefined ? { name } : { name, namespace };
}

function leafDigest(certificatePem: string): string {
  return sha256Hex(new X509Certificate(certificatePem).raw);
}
