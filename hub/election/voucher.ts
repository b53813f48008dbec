import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { PASSED_ON } from './passed-on.ts';

/** The client's address as the hub that passes the request on saw it, and what shows that a hub says so. */
export const CLIENT = 'x-portolan-client';
export const VOUCHER = 'x-portolan-voucher';

/**
 * What hubs with one key-encryption key believe each other: for whom a request is passed on. It holds for one request with one token
 * only; no clock is in it, because clocks of hubs may differ.
 */
export interface Vouching {
  /** Headers that say it. @param address of the client's socket; none: nothing is said */
  headersFor(
    request: Request,
    identity: string,
    address: string | undefined,
  ): Readonly<Record<string, string>>;
  /** The client's address, if another hub has passed this request on; `undefined`: nobody did, or nobody who has the key. */
  clientOf(request: Request): string | undefined;
}

const KEY_OCTETS = 32;

/** @param kek key-encryption key of all hubs of this store, 32 bytes */
export function createVouching(kek: Uint8Array): Vouching {
  // HKDF-SHA-256 (RFC 5869): a key for this use alone.
  const key = Buffer.from(hkdfSync('sha256', kek, '', 'portolan hub passes on v1', KEY_OCTETS));
  const proofOf = (request: Request, identity: string, address: string): Buffer => {
    const { pathname, search } = new URL(request.url);
    const token = createHash('sha256')
      .update(request.headers.get('authorization') ?? '')
      .digest('hex');
    return createHmac('sha256', key)
      .update(JSON.stringify([identity, address, request.method, `${pathname}${search}`, token]))
      .digest();
  };
  return {
    headersFor(request, identity, address) {
      if (address === undefined) return {};
      return { [CLIENT]: address, [VOUCHER]: proofOf(request, identity, address).toString('base64url') };
    },
    clientOf(request) {
      const identity = request.headers.get(PASSED_ON);
      const address = request.headers.get(CLIENT);
      const voucher = request.headers.get(VOUCHER);
      if (identity === null || address === null || voucher === null || isIP(address) === 0) return undefined;
      const given = Buffer.from(voucher, 'base64url');
      const proof = proofOf(request, identity, address);
      return given.length === proof.length && timingSafeEqual(given, proof) ? address : undefined;
    },
  };
}
