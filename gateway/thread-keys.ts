import { createHubDigest } from '../src/identity/api-key.ts';
import type { GatewaySecrets } from '../src/policy/model.ts';
import type { KeyAnswer, KeySearch, KeyTable } from './keys/contract.ts';
import type { SharedKeys } from './keys/layout.ts';
import { readKeyTable } from './keys/reader.ts';

const UNKNOWN: KeyAnswer = { type: 'unknown' };

/** The API keys as one thread reads them; peppers come with the configuration and may change with it. */
export class ThreadKeys implements KeyTable {
  readonly #shared: SharedKeys | undefined;
  #peppers: GatewaySecrets['peppers'];
  #table: KeyTable | undefined;
  #hubDigest: ((key: string, pairId?: string) => string) | undefined;
  readonly search: KeySearch | undefined;

  /** @param search who to ask for keys that are not there; undefined: nobody */
  constructor(shared: SharedKeys | undefined, search?: KeySearch) {
    this.#shared = shared;
    this.search = search;
  }

  /** From now on with the peppers of this configuration; without any, no key is known. */
  open({ peppers }: GatewaySecrets): void {
    if (peppers?.hub === this.#peppers?.hub && peppers?.cluster === this.#peppers?.cluster) return;
    this.#peppers = peppers;
    this.#hubDigest = peppers === undefined ? undefined : createHubDigest(Buffer.from(peppers.hub, 'base64'));
    this.#table =
      peppers === undefined || this.#shared === undefined
        ? undefined
        : readKeyTable(this.#shared, {
            peppers: {
              hub: Buffer.from(peppers.hub, 'base64'),
              cluster: Buffer.from(peppers.cluster, 'base64'),
            },
          });
  }

  find(key: string, pairId: string | undefined, wallMs: number): KeyAnswer {
    return this.#table === undefined ? UNKNOWN : this.#table.find(key, pairId, wallMs);
  }

  hubDigest(key: string, pairId: string | undefined): string | undefined {
    return this.#hubDigest?.(key, pairId);
  }

  staleMs(): number {
    return this.#table?.staleMs() ?? Number.POSITIVE_INFINITY;
  }

  get size(): number {
    return this.#table?.size ?? 0;
  }
}
