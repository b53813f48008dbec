import type { AskedOrder } from '../../src/certificates/limits.ts';
import type {
  CertificateRecord,
  NameSet,
  OrderRecord,
  WantedCertificate,
} from '../../src/certificates/model.ts';
import type { ObjectKey } from '../reconcile/objects.ts';
import type { Records } from './book.ts';
import type { AgentKeys, ChallengePresenter } from './contract.ts';
import type { Issuers, KeyWork, OpenIssuer, OrderForecast } from './parts.ts';

/*
 * What an order is driven with, and what comes of it.
 */

export interface OrderRunPorts {
  readonly records: Records;
  readonly open: Issuers['open'];
  readonly presenters: readonly ChallengePresenter[];
  readonly agentKeys: Pick<AgentKeys, 'request'>;
  readonly forecast: OrderForecast;
  readonly keys: KeyWork;
  readonly wallMs: () => number;
  /** Rejects when `signal` aborts. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Why no order for these names may begin now; undefined: it may, and nobody else's may from now on. */
  readonly claim: (id: string, names: WantedCertificate['names']) => string | undefined;
  /** What it is at, for people. */
  readonly say: (id: string, doing: string) => void;
  /** The certificate as it is wanted now. */
  readonly wanted: (id: string) => WantedCertificate | undefined;
}

export type RunEnd =
  | { readonly end: 'issued'; readonly record: CertificateRecord; readonly tookMs: number }
  /** Nothing is wanted, or nothing may be begun now. */
  | { readonly end: 'rests'; readonly why: string };

/** An order at one of its steps. */
export interface At {
  readonly wanted: WantedCertificate;
  readonly order: OrderRecord;
  readonly issuer: OpenIssuer;
  readonly signal: AbortSignal;
  /** Challenges that the CA was told of in this run. */
  readonly told: Set<string>;
}

/** How CAs count the orders of a certificate: `order-counting.ts`. */
export interface OrderCounting {
  /** How a CA counts it. */
  asking(
    id: string,
    order: Pick<OrderRecord, 'issuer' | 'names'> & { readonly replaces?: string | undefined },
  ): AskedOrder;
  /** How a CA would count the next order, by what is known without asking it: an unknown one is taken to hear what an order replaces. */
  expected(id: string, next: { readonly issuer: ObjectKey; readonly names: NameSet }): AskedOrder;
  /** @throws WouldPassLimit when what the CA allows is used up, and nobody said to ask all the same */
  hold(order: AskedOrder): void;
  /** ARI id of the certificate that the next order replaces; undefined: none, or the CA does not want to hear of it. */
  replaced(
    current: CertificateRecord['current'],
    issuerKey: ObjectKey,
    issuer: OpenIssuer,
    signal: AbortSignal,
  ): Promise<string | undefined>;
}
