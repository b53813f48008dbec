import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GatewayCertificate, GatewayPart, GatewaySecrets } from '../../src/policy/model.ts';
import type { GatewayFrame } from '../../src/policy/pieces.ts';
import { writeDurably } from '../durable-file.ts';

/** Values of a Secret of the cluster: `tls.crt`, `tls.key`, `ca.crt`. */
export type SecretValues = Readonly<Record<string, string>>;

/**
 * `<data dir>/kubernetes-secrets.json`, 0600: values of the cluster's Secrets that the gateway uses, so that listeners have their certificates after a
 * restart without the API server. As the snapshots beside it, it holds what the gateway serves with and no more.
 */
export interface ClusterSecretFile {
  /** Keys digests of values that leave this machine; the same from the first start on. */
  readonly digestKey: string;
  /** By `namespace/name`. */
  readonly secrets: Readonly<Record<string, SecretValues>>;
}

const FILE_NAME = 'kubernetes-secrets.json';
const FORMAT = 1;

/** What is there; a file that is missing or damaged counts as none: values are read anew. */
export async function readClusterSecrets(dataDir: string): Promise<ClusterSecretFile | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(join(dataDir, FILE_NAME), 'utf8'));
    return isComplete(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function newDigestKey(): string {
  return randomBytes(32).toString('base64');
}

/** @throws PortolanError DISK_FULL, DATA_DIR_INVALID */
export async function writeClusterSecrets(dataDir: string, file: ClusterSecretFile): Promise<void> {
  await writeDurably(join(dataDir, FILE_NAME), Buffer.from(JSON.stringify({ format: FORMAT, ...file })));
}

/** What this program wrote as a whole has all its members or, if somebody else touched it, does not count. Without zod: the data process reads it too. */
function isComplete(value: unknown): value is ClusterSecretFile {
  if (!isMapping(value) || value.format !== FORMAT) return false;
  const { digestKey, secrets } = value;
  return (
    typeof digestKey === 'string' &&
    digestKey.length >= 16 &&
    isMapping(secrets) &&
    Object.values(secrets).every(
      (values) => isMapping(values) && Object.values(values).every((text) => typeof text === 'string'),
    )
  );
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** In front of what a configuration names of the cluster's own Secrets: `kubernetes/namespace/name`, of a bundle with `/key` behind it. */
const PREFIX = 'kubernetes/';

/**
 * The secrets of a configuration with those of the cluster in their places that it names; one that is not there stays away.
 * @param names `clusterNames` of the configuration
 */
export function withClusterSecrets(
  names: readonly string[],
  secrets: GatewaySecrets,
  file: Pick<ClusterSecretFile, 'secrets'> | undefined,
): GatewaySecrets {
  const certificates: Record<string, GatewayCertificate> = {};
  const bundles: Record<string, string> = {};
  for (const name of names) {
    const [, namespace = '', secret = '', ...key] = name.split('/');
    const values = file?.secrets[`${namespace}/${secret}`];
    if (values === undefined) continue;
    const { 'tls.crt': certificatePem, 'tls.key': keyPem } = values;
    if (key.length > 0) {
      const bundle = values[key.join('/')];
      if (bundle !== undefined) bundles[name] = bundle;
    } else if (certificatePem !== undefined && keyPem !== undefined)
      certificates[name] = { certificatePem, keyPem };
  }
  return {
    ...secrets,
    certificates: { ...secrets.certificates, ...certificates },
    bundles: { ...secrets.bundles, ...bundles },
  };
}

/** What only this cluster has of what the hub's configuration names, each once. */
export function clusterNames(
  ports: GatewayFrame['ports'],
  backends: GatewayPart['backends'],
): readonly string[] {
  const names = [
    ...ports.flatMap(({ listeners }) =>
      listeners.flatMap(({ tls }) => [...(tls?.certificates ?? []), ...(tls?.clientCa?.bundles ?? [])]),
    ),
    ...Object.values(backends).flatMap(({ tls }) => [
      ...(tls?.bundles ?? []),
      ...(tls?.clientCertificate === undefined ? [] : [tls.clientCertificate]),
    ]),
  ];
  return [...new Set(names)].filter((name) => name.startsWith(PREFIX));
}
