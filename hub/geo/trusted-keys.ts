import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { messageOf, PortolanError } from '../../src/errors/error.ts';

/** Reads the public keys of `geo.trustedKeys`. @throws PortolanError CONFIG_INVALID */
export async function readTrustedKeys(paths: readonly string[]): Promise<readonly string[]> {
  return Promise.all(
    paths.map(async (path) => {
      try {
        const pem = await readFile(path, 'utf8');
        if (createPublicKey(pem).asymmetricKeyType === 'ed25519') return pem;
      } catch (cause) {
        throw new PortolanError('CONFIG_INVALID', `geo.trustedKeys: ${path}: ${messageOf(cause)}`, { cause });
      }
      throw new PortolanError('CONFIG_INVALID', `geo.trustedKeys: ${path} is no Ed25519 public key`, {
        fix: 'Make one with `openssl genpkey -algorithm ed25519`, and give its public half.',
      });
    }),
  );
}
