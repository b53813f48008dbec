import type { NameSet, OrderRecord } from '../../src/certificates/model.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { AcmeError, AcmeNoAnswer, acmeError } from './acme/error.ts';
import type { AcmeAuthorization, AcmeOrder, AcmeProblem } from './contract.ts';

/*
 * What stops an order: what is thrown, and which of it is over for good.
 */

/** The order is over, not only a try at it. */
export class OrderOver extends PortolanError {
  readonly why: PortolanError;
  /** Names that the CA looked for and did not find. */
  readonly failedNames: NameSet;
  /** A certificate was given all the same, and counts. */
  readonly issued: boolean;

  constructor(why: PortolanError, failedNames: NameSet = [], issued = false) {
    super(why.code, why.message, { fix: why.fix, cause: why });
    this.why = why;
    this.failedNames = failedNames;
    this.issued = issued;
  }
}

/** An order would pass what the CA allows, by what is known here. */
export class WouldPassLimit extends PortolanError {
  readonly atMs: number;

  constructor(why: string, atMs: number) {
    super('ISSUER_RATE_LIMITED', why);
    this.atMs = atMs;
  }
}

/** The record is not what this run took it for: somebody else wrote it. */
export class Overtaken extends Error {}

/** The same request may go well in a moment. */
export function passes(thrown: unknown): boolean {
  return (
    (thrown instanceof AcmeNoAnswer && thrown.retryAfterMs === undefined) ||
    (thrown instanceof AcmeError && thrown.problem.type === 'badNonce')
  );
}

/** Names that nobody here can prove, each with the reason. */
export function notOurs(problems: readonly string[]): PortolanError {
  const more = problems.length > 5 ? ` and ${problems.length - 5} more` : '';
  return new PortolanError('CERTIFICATE_NAME_NOT_OURS', `${problems.slice(0, 5).join('. ')}${more}`);
}

/** The CA gave the order up. */
export function ended(order: OrderRecord, answer: AcmeOrder): OrderOver {
  const problem = answer.problem ?? {
    type: 'malformed',
    detail: 'the order is invalid; it does not say why',
    subproblems: [],
  };
  return new OrderOver(acmeError(problem, { host: hostOf(order), asked: 'challenge' }));
}

/** The CA looked, and one authorization is not valid. */
export function validationFailed(order: OrderRecord, fault: AcmeAuthorization): OrderOver {
  const problem = fault.challenges.find((c) => c.problem !== undefined)?.problem;
  if (problem === undefined)
    return new OrderOver(
      new PortolanError(
        'CHALLENGE_FAILED',
        `${hostOf(order)}: the authorization of ${fault.name} is ${fault.status}`,
      ),
      fault.status === 'invalid' ? [fault.name] : [],
    );
  const named = {
    ...problem,
    detail: problem.detail.includes(fault.name) ? problem.detail : `${fault.name}: ${problem.detail}`,
  };
  return new OrderOver(acmeError(named, { host: hostOf(order), asked: 'challenge' }), [fault.name]);
}

/** Types of what CAs answer when they do not want to hear that an order replaces a certificate (RFC 9773 section 5 has the first). */
const NO_REPLACING: ReadonlySet<string> = new Set([
  'alreadyReplaced',
  'malformed',
  'unauthorized',
  'conflict',
]);
/** It may make the order when it is not told what that replaces. */
export const refusesReplacing = ({ type }: AcmeProblem): boolean => NO_REPLACING.has(type);

/** @throws OrderOver when it has none, which no record past `intended` may have */
export function urlOf(order: OrderRecord): string {
  if (order.url === undefined)
    throw new OrderOver(new PortolanError('STORE_CORRUPT', 'the order has no URL'));
  return order.url;
}

const hostOf = ({ directory }: OrderRecord): string => URL.parse(directory)?.host ?? directory;
