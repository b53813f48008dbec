import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PortolanError } from '../../src/errors/error.ts';
import type { GatewayCertificate, GatewaySecrets } from '../../src/policy/model.ts';
import { isLeftover, writeDurably } from '../durable-file.ts';

/**
 * Private keys of certificates that this agent made: `<data dir>/certificate-keys/<id>.pem`, PKCS#8, 0600. They leave the machine by no way;
 * what is sent is a request that is signed with them.
 */
export interface KeyFiles {
  /** Undefined: there is none of this id. @throws PortolanError DATA_DIR_INVALID */
  read(id: string): Promise<string | undefined>;
  /** @throws PortolanError DISK_FULL, DATA_DIR_INVALID */
  write(id: string, keyPem: string): Promise<void>;
  /** Ids of all that are there. */
  list(): Promise<readonly string[]>;
  remove(id: string): Promise<void>;
}

const FOLDER = 'certificate-keys';
/** Becomes a file's name: nothing that leads elsewhere, whoever says it. */
const ID = /^[a-z0-9][a-z0-9-]{0,127}$/;

export function keyFiles(dataDir: string): KeyFiles {
  const folder = join(dataDir, FOLDER);
  const pathOf = (id: string): string => {
    if (!ID.test(id))
      throw new PortolanError('DATA_DIR_INVALID', `${JSON.stringify(id)} is no name of a key`);
    return join(folder, `${id}.pem`);
  };
  return {
    async read(id) {
      const path = pathOf(id);
      try {
        return await readFile(path, 'utf8');
      } catch (cause) {
        if (isMissing(cause)) return undefined;
        throw new PortolanError('DATA_DIR_INVALID', `${path} cannot be read`, { cause });
      }
    },
    async write(id, keyPem) {
      const path = pathOf(id);
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
      } catch (cause) {
        throw new PortolanError('DATA_DIR_INVALID', `${folder} cannot be created`, { cause });
      }
      await writeDurably(path, Buffer.from(keyPem, 'utf8'));
    },
    async list() {
      const names = await readdir(folder).catch((thrown: unknown) => {
        if (isMissing(thrown)) return [];
        throw thrown;
      });
      for (const name of names) if (isLeftover(name)) await rm(join(folder, name), { force: true });
      return names.flatMap((name) => (name.endsWith('.pem') ? [name.slice(0, -'.pem'.length)] : []));
    },
    async remove(id) {
      await rm(pathOf(id), { force: true });
    },
  };
}

/** The secrets with the keys in their places that the agent itself has; one that is not there stays empty. */
export async function withOwnKeys(secrets: GatewaySecrets, files: KeyFiles): Promise<GatewaySecrets> {
  const own = Object.entries(secrets.certificates).filter(([, { agentKey }]) => agentKey !== undefined);
  if (own.length === 0) return secrets;
  const filled: Record<string, GatewayCertificate> = {};
  for (const [id, certificate] of own) {
    const keyPem = certificate.agentKey === undefined ? undefined : await files.read(certificate.agentKey);
    filled[id] = { ...certificate, keyPem: keyPem ?? '' };
  }
  return { ...secrets, certificates: { ...secrets.certificates, ...filled } };
}

function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
}
