import type { SigningMaterial } from '../src/dns/dnssec/material.ts';
import { SignatureCache } from '../src/dns/dnssec/signature-cache.ts';
import { SigningBudget } from '../src/dns/dnssec/signing-budget.ts';
import {
  createZoneSigner,
  type SigningOutcome,
  type SigningResources,
  type ZoneSigner,
} from '../src/dns/dnssec/zone-signer.ts';
import type { DomainName } from '../src/dns/name.ts';
import type { Counter, Counters, Metric } from '../src/telemetry/counters.ts';

export interface ZoneSignersOptions {
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
  /** Signatures that are made in a second at most; a signature takes some 50 µs of one core. */
  readonly signaturesPerSecond?: number;
  /** Room for signatures over sets of names that exist, and for those over names that queries make up. */
  readonly cacheOctets?: { readonly kept: number; readonly fleeting: number };
}

const SIGNATURES_PER_SECOND = 5000; // a quarter of a core
const MEBIBYTE = 1_048_576;
const CACHE_OCTETS = { kept: 32 * MEBIBYTE, fleeting: 8 * MEBIBYTE }; // some 35,000 and 9,000 signatures

const SIGNATURES: Metric = {
  name: 'portolan_dns_signatures_total',
  help: 'Signatures that answers needed: made, kept from before, or refused beyond the limit of a second (SERVFAIL).',
  type: 'counter',
};

/** The signers of one thread. They outlive the tables they sign for, so that a new table finds its signatures made. */
export class ZoneSigners {
  readonly #resources: SigningResources;
  #counters: Readonly<Record<SigningOutcome, Counter>> | undefined;
  #known = new Map<
    DomainName,
    { readonly material: SigningMaterial; readonly text: string; readonly signer: ZoneSigner }
  >();

  constructor(options: ZoneSignersOptions) {
    const { wallMs, signaturesPerSecond = SIGNATURES_PER_SECOND, cacheOctets = CACHE_OCTETS } = options;
    this.#resources = {
      wallMs,
      budget: new SigningBudget(signaturesPerSecond, wallMs),
      kept: new SignatureCache(cacheOctets.kept),
      fleeting: new SignatureCache(cacheOctets.fleeting),
      count: (outcome) => this.#counters?.[outcome].add(),
    };
  }

  /** Counts here from now on, and nowhere else. */
  countIn(counters: Counters): void {
    const of = (outcome: SigningOutcome): Counter => counters.counter(SIGNATURES, { outcome });
    this.#counters = { made: of('made'), kept: of('kept'), refused: of('refused') };
  }

  /**
   * The signer for this material: the one made before while the material says the same.
   * @throws PortolanError DNSSEC_KEY_INVALID or DNS_WIRE_MALFORMED when the material is not what a hub makes
   */
  signerFor(origin: DomainName, material: SigningMaterial): ZoneSigner {
    const known = this.#known.get(origin);
    if (known?.material === material) return known.signer;
    const text = JSON.stringify(material);
    const signer = known?.text === text ? known.signer : createZoneSigner(material, origin, this.#resources);
    this.#known.set(origin, { material, text, signer });
    return signer;
  }

  /** Forgets the keys of all other zones. */
  keepOnly(origins: ReadonlySet<DomainName>): void {
    for (const origin of this.#known.keys()) if (!origins.has(origin)) this.#known.delete(origin);
  }
}

/** Those of this thread, shared by all its tables. */
export const THREAD_SIGNERS = new ZoneSigners({ wallMs: () => Date.now() });
