import type { ChallengePresenter } from '../../hub/certificates/contract.ts';
import type { Store } from '../../hub/store/contract.ts';
import type { CertificateRecord } from '../../src/certificates/model.ts';

/** Mistakes that the driver must not make, each made around it as it is. */
export const CERTIFICATE_MUTANTS = {
  'save-after-request': 'that an order is asked for is saved after it was',
  'key-after-order': 'the key is saved with the certificate, not before the order',
  'no-fence': 'a hub that was replaced writes on',
  'told-too-early': 'the CA is told before everybody has the challenge',
} as const;
export type CertificateMutant = keyof typeof CERTIFICATE_MUTANTS;

export type Sealed = Readonly<Record<string, string>>;
type BookStore = Pick<Store, 'listCertificates' | 'certificateValues' | 'putCertificates' | 'epoch'>;

export function mutated(
  mutant: CertificateMutant | undefined,
  store: BookStore,
): { readonly store: BookStore; presenter(presenter: ChallengePresenter): ChallengePresenter } {
  return {
    store:
      mutant === 'save-after-request'
        ? savingLate(store)
        : mutant === 'key-after-order'
          ? keepingKeys(store)
          : store,
    presenter: (presenter) =>
      mutant === 'told-too-early' ? { ...presenter, visible: async () => undefined } : presenter,
  };
}

/** What announces a request is left out of the store, as if it were written with the answer. */
function savingLate(store: BookStore): BookStore {
  return {
    ...store,
    async putCertificates(writes, how) {
      await store.putCertificates(
        writes.map((write) => {
          if (write.state === null) return write;
          const record = JSON.parse(write.state) as CertificateRecord;
          if (record.order?.askedAtMs === undefined) return write;
          const { askedAtMs: _asked, ...order } = record.order;
          return { ...write, state: JSON.stringify({ ...record, order }) };
        }),
        how,
      );
    },
  };
}

/** The key of an order stays in memory until its certificate is there. */
function keepingKeys(store: BookStore): BookStore {
  const memory = new Map<string, string>();
  return {
    ...store,
    async certificateValues(key) {
      const values = await store.certificateValues(key);
      const own = memory.get(key.name);
      return own === undefined ? values : { ...values, 'order.key': own };
    },
    async putCertificates(writes, how) {
      await store.putCertificates(
        writes.map((write) => {
          const key = write.values?.['order.key'];
          if (key === undefined) return write;
          memory.set(write.key.name, key);
          const { 'order.key': _key, ...values } = write.values ?? {};
          return { ...write, values };
        }),
        how,
      );
    },
  };
}
