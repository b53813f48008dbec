import type { NameSet, WantedCertificate } from '../../src/certificates/model.ts';
import { nameSetKey } from '../../src/certificates/names.ts';
import type { CertificateBook } from './book.ts';

/** Who may order which set of names. */
export interface NameClaims {
  /** @returns why it may not be ordered for `id` now; undefined: it may, and for nobody else until it is released */
  claim(id: string, names: NameSet): string | undefined;
  /** Its run is over. */
  release(id: string): void;
  /** As it is now, for many questions: why these names wait; undefined: they need not. */
  look(): (id: string, names: NameSet) => string | undefined;
}

/** One order for one set of names, whoever wants it: a CA would count both, and may give both the same order. */
export function createNameClaims(
  book: Pick<CertificateBook, 'get' | 'underWay'>,
  wanted: (id: string) => WantedCertificate | undefined,
): NameClaims {
  /** While its run is under way. */
  const claims = new Map<string, string>();

  function heldBy(id: string, holder: string | undefined): string | undefined {
    if (holder === undefined || holder === id) return undefined;
    const of = book.get(holder)?.policy ?? wanted(holder)?.policy ?? '';
    return `waits for the order of ${holder} (${of}), which has the same names`;
  }

  function orderHolders(): ReadonlyMap<string, string> {
    const holders = new Map<string, string>();
    for (const id of book.underWay) {
      const order = book.get(id)?.order;
      if (order !== undefined) holders.set(nameSetKey(order.names), id);
    }
    return holders;
  }

  return {
    claim(id, names) {
      const key = nameSetKey(names);
      const waits = heldBy(id, claims.get(key) ?? orderHolders().get(key));
      if (waits === undefined) claims.set(key, id);
      return waits;
    },
    release(id) {
      for (const [key, holder] of claims) if (holder === id) claims.delete(key);
    },
    look() {
      const holders = new Map([...orderHolders(), ...claims]);
      return (id, names) =>
        holders.size === 0 || book.underWay.has(id) ? undefined : heldBy(id, holders.get(nameSetKey(names)));
    },
  };
}
