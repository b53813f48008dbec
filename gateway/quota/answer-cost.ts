import type { Fields } from '../request.ts';
import { fieldOf } from '../request.ts';
import type { Claim, QuotaDecision, QuotaGate } from './contract.ts';
import { EventNumber } from './event-number.ts';
import { JsonNumber } from './json-number.ts';

interface Reader {
  feed(octets: Uint8Array): void;
  end(): void;
  readonly value: number | undefined;
}

/** What is to be accounted for a limit with a metric of its own. */
export type AccountCost = (metric: string, amount: number) => void;

/**
 * What the answer to one request says it cost, read as it goes by. What was taken beforehand stands when the answer does not say, or ends
 * too early.
 */
export class AnswerCost {
  readonly #gate: QuotaGate;
  readonly #claims: readonly Claim[];
  readonly #account: AccountCost;
  /** By claim; undefined: not in the body. */
  #readers: (Reader | undefined)[] | undefined;
  #costs: (number | undefined)[];

  /** @returns undefined: nothing depends on the answer */
  static of(decision: QuotaDecision, gate: QuotaGate, account: AccountCost): AnswerCost | undefined {
    const claims = decision.claims.filter(({ limit }) => limit.answer !== undefined);
    return claims.length === 0 ? undefined : new AnswerCost(claims, gate, account);
  }

  private constructor(claims: readonly Claim[], gate: QuotaGate, account: AccountCost) {
    this.#gate = gate;
    this.#claims = claims;
    this.#account = account;
    this.#costs = claims.map(() => undefined);
  }

  head(fields: Fields): void {
    const type = fieldOf(fields, 'content-type') ?? '';
    const coding = fieldOf(fields, 'content-encoding');
    const readable = coding === undefined || coding.toLowerCase() === 'identity';
    this.#costs = this.#claims.map(({ limit: { answer } }) =>
      answer?.type === 'header' ? wholeNumber(fieldOf(fields, answer.name.toLowerCase())) : undefined,
    );
    const readers = this.#claims.map(({ limit: { answer } }) =>
      answer?.type === 'json' && readable ? readerFor(type, answer.path) : undefined,
    );
    if (readers.some((reader) => reader !== undefined)) this.#readers = readers;
  }

  data(octets: Uint8Array): void {
    if (this.#readers === undefined) return;
    for (const reader of this.#readers) reader?.feed(octets);
  }

  /** The answer is over, however it ended. Called once. */
  end(): void {
    let counted = '';
    this.#claims.forEach((claim, at) => {
      const reader = this.#readers?.[at];
      reader?.end();
      const said = this.#costs[at] ?? reader?.value;
      const { limit } = claim;
      if (said === undefined || said < 0) limit.meters.unread.add();
      const cost = said === undefined || said < 0 ? claim.hits : Math.min(limit.most, Math.ceil(said));
      this.#gate.settle(claim, cost);
      // A limit of several rates is one account.
      if (limit.metric !== undefined && limit.name !== counted) {
        counted = limit.name;
        this.#account(limit.metric, cost);
      }
    });
  }
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text.trim()) ? Number(text) : undefined;
}

/** Undefined: bodies of this type are not looked into. */
function readerFor(contentType: string, path: readonly string[]): Reader | undefined {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (type === 'text/event-stream') return new EventNumber(path);
  return type === 'application/json' || type.endsWith('+json') ? new JsonNumber(path) : undefined;
}
