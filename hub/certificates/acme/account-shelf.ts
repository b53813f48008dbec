import { createHash } from 'node:crypto';
import { z } from 'zod';
import { PortolanError } from '../../../src/errors/error.ts';
import type { CertificateKey, Store } from '../../store/contract.ts';

/** Our account at one CA, as it is kept. */
export interface KeptAccount {
  /** PKCS#8 PEM. */
  readonly keyPem: string;
  /** The CA's name for it; absent until the CA has answered. */
  readonly url?: string;
  /** Email that the CA has. */
  readonly contact?: string;
}

/** Where one account is kept. One writer. */
export interface AccountShelf {
  /** @throws PortolanError STORE_UNAVAILABLE, STORE_CORRUPT */
  read(): Promise<KeptAccount | undefined>;
  /** Durable once it resolves. @throws PortolanError STORE_UNAVAILABLE, CONFLICT (another hub took over) */
  write(account: KeptAccount): Promise<void>;
}

const state = z.object({
  issuer: z.string(),
  directory: z.string(),
  url: z.string().optional(),
  contact: z.string().optional(),
});

const KEY = 'account.key';

export type ShelfStore = Pick<Store, 'listCertificates' | 'certificateValues' | 'putCertificates' | 'epoch'>;

/**
 * An account belongs to an Issuer, a directory and a customer of the CA: with another of these it is another account, and the one
 * before stays for when it is wanted again.
 * @param issuer `namespace/name`
 */
export function createAccountShelf(options: {
  readonly store: ShelfStore;
  readonly issuer: string;
  readonly directory: string;
  /** Key id of the external account. */
  readonly externalAccount: string | undefined;
}): AccountShelf {
  const { store, issuer, directory, externalAccount } = options;
  const [namespace = '', issuerName = ''] = issuer.split('/');
  const key: CertificateKey = {
    kind: 'account',
    namespace,
    name: createHash('sha256')
      .update(JSON.stringify([issuerName, directory, externalAccount ?? '']))
      .digest('hex')
      .slice(0, 32),
  };
  let version = 0;
  return {
    async read() {
      const stored = (await store.listCertificates('account')).find(
        (one) => one.key.namespace === key.namespace && one.key.name === key.name,
      );
      version = stored?.version ?? 0;
      if (stored === undefined) return undefined;
      const { url, contact } = parsed(stored.state);
      const keyPem = (await store.certificateValues(key))[KEY];
      if (keyPem === undefined) throw unreadable();
      return {
        keyPem,
        ...(url === undefined ? {} : { url }),
        ...(contact === undefined ? {} : { contact }),
      };
    },
    async write({ keyPem, url, contact }) {
      const kept: z.output<typeof state> = { issuer, directory, url, contact };
      await store.putCertificates(
        [{ key, version: version + 1, state: JSON.stringify(kept), values: { [KEY]: keyPem } }],
        {
          epoch: store.epoch,
          audit: [
            {
              actor: { id: 'hub', display: 'hub' },
              verb: 'account.write',
              namespace,
              name: issuerName,
              payload: kept,
            },
          ],
        },
      );
      version += 1;
    },
  };
}

function parsed(text: string): z.output<typeof state> {
  try {
    return state.parse(JSON.parse(text));
  } catch {
    throw unreadable();
  }
}

function unreadable(): PortolanError {
  return new PortolanError('STORE_CORRUPT', "what is stored of an Issuer's account cannot be read");
}
