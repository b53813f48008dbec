import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { PortolanError } from '../src/errors/error.ts';
import { type AgentCertificate, readAgentCertificate } from '../src/identity/certificate.ts';
import { newAgentKey } from '../src/identity/csr.ts';
import { writeDurably } from './durable-file.ts';

/** `<data dir>/identity/`: one file, so that key and certificate always change together. */
const FOLDER = 'identity';
const IDENTITY_FILE = 'identity.json';
/** The key of a join under way: a join that was cut off goes on with the same key, which is what makes it repeatable. */
const PENDING_KEY_FILE = 'pending-key.pem';

const identitySchema = z.object({
  version: z.literal(1),
  hubUid: z.string().min(1),
  clusterUid: z.string().min(1),
  cluster: z.object({ namespace: z.string().min(1), name: z.string().min(1) }),
  agentUid: z.string().min(1),
  generation: z.number().int().positive(),
  /** PKCS#8 PEM. */
  privateKeyPem: z.string().min(1),
  /** Leaf first. */
  certificateChainPem: z.string().min(1),
  /** The hub's CAs: the only ones this agent trusts. */
  caPem: z.string().min(1),
  snapshotKeys: z.array(z.object({ id: z.string(), publicKeyPem: z.string() })).min(1),
  /** `host:port` of the hub's agent link. */
  linkAddresses: z.array(z.string()).min(1),
  /** `https://host:port` of the join listeners, for a renewal after the certificate's end. */
  joinUrls: z.array(z.string()).min(1),
});

/** All that an agent keeps from its join. Holds a private key: never log it. */
export type IdentityFile = Readonly<Omit<z.output<typeof identitySchema>, 'version'>>;

/** The identity in use: read from the disk once, replaced by a renewal, on the disk before anyone uses it. */
export interface AgentIdentityHolder {
  current(): IdentityFile;
  /** What the certificate in use says. */
  certificate(): AgentCertificate;
  /** Writes the new identity (fsync), then puts it in use. */
  replace(next: IdentityFile): Promise<void>;
  /** Runs after every `replace`; the returned function ends that. */
  onChange(listener: () => void): () => void;
}

/** @throws PortolanError DATA_DIR_INVALID when there is none (the agent has not joined) or it is damaged */
export async function openIdentity(dataDir: string): Promise<AgentIdentityHolder> {
  const found = await loadIdentity(dataDir);
  if (found === undefined) {
    throw new PortolanError('DATA_DIR_INVALID', `there is no agent identity in ${dataDir}`, {
      fix: 'Join first: `portolan cluster join --token <token> --data-dir <dir>`.',
    });
  }
  let file: IdentityFile = found;
  let certificate = certificateOf(file);
  const listeners = new Set<() => void>();
  return {
    current: () => file,
    certificate: () => certificate,
    async replace(next) {
      const nextCertificate = certificateOf(next);
      await saveIdentity(dataDir, next);
      file = next;
      certificate = nextCertificate;
      for (const listener of listeners) listener();
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** `undefined` when the agent has not joined. @throws PortolanError DATA_DIR_INVALID when the file is damaged or unreadable */
export async function loadIdentity(dataDir: string): Promise<IdentityFile | undefined> {
  const path = join(dataDir, FOLDER, IDENTITY_FILE);
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  try {
    const { version: _, ...file } = identitySchema.parse(JSON.parse(text));
    certificateOf(file);
    return file;
  } catch (error) {
    throw new PortolanError('DATA_DIR_INVALID', `the agent identity ${path} is damaged`, {
      cause: error,
      fix: 'Restore the file, or remove it and join again with a new token.',
    });
  }
}

/** 0600, whole or not at all. @throws PortolanError DISK_FULL, DATA_DIR_INVALID */
export async function saveIdentity(dataDir: string, file: IdentityFile): Promise<void> {
  const folder = await identityFolder(dataDir);
  const content = JSON.stringify({ version: 1, ...file }, undefined, 2);
  await writeDurably(join(folder, IDENTITY_FILE), Buffer.from(content, 'utf8'));
}

/** The key of the join under way, made and written to the disk at the first call. PKCS#8 PEM. */
export async function pendingKey(dataDir: string): Promise<string> {
  const path = join(await identityFolder(dataDir), PENDING_KEY_FILE);
  const kept = await readIfThere(path);
  if (kept !== undefined && isUsableKey(kept)) return kept;
  const made = newAgentKey();
  await writeDurably(path, Buffer.from(made, 'utf8'));
  return made;
}

/** After the identity that uses it is on the disk. */
export async function forgetPendingKey(dataDir: string): Promise<void> {
  await rm(join(dataDir, FOLDER, PENDING_KEY_FILE), { force: true });
}

/** What the file's certificate says, after checking that it belongs to the file's key and names. */
function certificateOf(file: IdentityFile): AgentCertificate {
  const certificate = readAgentCertificate(file.certificateChainPem);
  const consistent =
    certificate !== undefined &&
    certificate.principal.agentUid === file.agentUid &&
    certificate.principal.clusterUid === file.clusterUid &&
    certificate.principal.hubUid === file.hubUid &&
    certificate.generation === file.generation &&
    new X509Certificate(file.certificateChainPem).checkPrivateKey(createPrivateKey(file.privateKeyPem));
  if (!consistent) {
    throw new PortolanError(
      'DATA_DIR_INVALID',
      "the agent's certificate does not belong to its key or names",
    );
  }
  return certificate;
}

async function identityFolder(dataDir: string): Promise<string> {
  const folder = join(dataDir, FOLDER);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new PortolanError('DATA_DIR_INVALID', `${folder} cannot be created`, { cause: error });
  }
  return folder;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw new PortolanError('DATA_DIR_INVALID', `${path} cannot be read`, { cause: error });
  }
}

function isUsableKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyDetails?.namedCurve === 'prime256v1';
  } catch {
    return false;
  }
}
