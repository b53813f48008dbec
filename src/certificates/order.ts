import type { ChallengeType } from '../resources/certificate-policy.ts';
import type { ChallengeRecord, NameSet, OrderPhase, OrderRecord, WantedCertificate } from './model.ts';
import { sameNames } from './names.ts';

/*
 * An order's way, purely: what to do next is a function of the record as it was saved, and what the CA says leads to the next record. Nothing
 * here asks anybody, so that a hub that was killed goes on with the same step.
 */

/**
 * - `place`: ask for the order, or find the one that a request before may have made;
 * - `choose`: read its authorizations and choose a challenge for each that is not valid;
 * - `show`: make the challenges visible;
 * - `prove`: tell the CA to look, and wait for what it finds;
 * - `finish`: hand in the request with the key, wait, and take the certificate.
 */
export type Step = 'place' | 'choose' | 'show' | 'prove' | 'finish';

const STEPS: Readonly<Record<OrderPhase, Step>> = {
  intended: 'place',
  ordered: 'choose',
  challenged: 'show',
  answered: 'prove',
  finalizing: 'finish',
};

export const stepOf = (order: Pick<OrderRecord, 'phase'>): Step => STEPS[order.phase];

/** What the CA says of an order (RFC 8555 section 7.1.3). */
export interface OrderAnswer {
  readonly url: string;
  readonly status: 'pending' | 'ready' | 'processing' | 'valid' | 'invalid';
  readonly names: NameSet;
  readonly authorizations: readonly string[];
  readonly finalizeUrl: string;
  readonly certificateUrl?: string;
  readonly expiresAtMs?: number;
}

/** What the CA says of an authorization (section 7.1.4). */
export interface AuthorizationAnswer {
  readonly url: string;
  readonly status: 'pending' | 'valid' | 'invalid' | 'deactivated' | 'expired' | 'revoked';
  readonly name: string;
  readonly wildcard: boolean;
  readonly challenges: readonly {
    readonly type: ChallengeType;
    readonly url: string;
    readonly token: string;
    readonly status: 'pending' | 'processing' | 'valid' | 'invalid';
  }[];
}

/** Where an order goes after the CA was asked about it. */
export type Way =
  /** To be saved; its own step comes next. */
  | { readonly to: 'next'; readonly order: OrderRecord }
  /** The step as it is can be taken. */
  | { readonly to: 'here' }
  /** The CA is at it: ask again later. */
  | { readonly to: 'wait' }
  | { readonly to: 'take'; readonly certificateUrl: string }
  /** The CA gave it up. */
  | { readonly to: 'end' };

/** Before anything was asked; its key is saved with it. */
export function intended(
  wanted: Pick<WantedCertificate, 'names' | 'key'>,
  how: {
    readonly issuer: string;
    readonly directory: string;
    readonly nowMs: number;
    readonly agentKey?: string;
    readonly replaces?: string;
  },
): OrderRecord {
  const { issuer, directory, nowMs, agentKey, replaces } = how;
  return {
    phase: 'intended',
    issuer,
    directory,
    names: wanted.names,
    key: wanted.key,
    ...(agentKey === undefined ? {} : { agentKey }),
    startedAtMs: nowMs,
    ...(replaces === undefined ? {} : { replaces }),
    challenges: [],
  };
}

/** A request for it goes out now. */
export const asked = (order: OrderRecord, nowMs: number): OrderRecord => ({ ...order, askedAtMs: nowMs });

/** The CA answered that it made none. */
export function notMade(order: OrderRecord): OrderRecord {
  const { askedAtMs: _asked, ...rest } = order;
  return rest;
}

/** Without telling the CA what it replaces, after it refused to hear of it. */
export function replacingNothing(order: OrderRecord): OrderRecord {
  const { replaces: _replaces, ...rest } = notMade(order);
  return rest;
}

/** Its URL is known. */
export function placed(order: OrderRecord, answer: OrderAnswer): OrderRecord {
  return {
    ...notMade(order),
    phase: 'ordered',
    url: answer.url,
    finalizeUrl: answer.finalizeUrl,
    ...(answer.expiresAtMs === undefined ? {} : { expiresAtMs: answer.expiresAtMs }),
    challenges: [],
  };
}

/**
 * Whether an order that the CA lists is the one whose answer was lost. One that is `valid` already was finalized with a key of somebody else:
 * ours never was.
 */
export function isOurs(order: OrderRecord, answer: OrderAnswer): boolean {
  return (answer.status === 'pending' || answer.status === 'ready') && sameNames(answer.names, order.names);
}

/**
 * What follows from the CA's word, by phase:
 *
 * | the CA says | ordered | challenged, answered | finalizing      |
 * |-------------|---------|----------------------|-----------------|
 * | pending     | here    | here                 | back to ordered |
 * | ready       | on to finalizing | on to finalizing | here       |
 * | processing  | on to finalizing | on to finalizing | wait       |
 * | valid       | on to finalizing | on to finalizing | take       |
 * | invalid     | end     | end                  | end             |
 */
export function afterLook(order: OrderRecord, answer: OrderAnswer): Way {
  if (answer.status === 'invalid') return { to: 'end' };
  if (order.phase !== 'finalizing')
    return answer.status === 'pending' ? { to: 'here' } : { to: 'next', order: proven(order) };
  switch (answer.status) {
    case 'pending':
      return { to: 'next', order: { ...order, phase: 'ordered', challenges: [] } };
    case 'ready':
      return { to: 'here' };
    case 'processing':
      return { to: 'wait' };
    case 'valid':
      return answer.certificateUrl === undefined
        ? { to: 'wait' }
        : { to: 'take', certificateUrl: answer.certificateUrl };
  }
}

/** Challenges were chosen for everything that is not valid; none: nothing has to be shown. */
export function chosen(order: OrderRecord, challenges: readonly ChallengeRecord[]): OrderRecord {
  return { ...order, phase: challenges.length === 0 ? 'finalizing' : 'challenged', challenges };
}

/** Everybody whom the CA may ask has the answers. */
export const shown = (order: OrderRecord): OrderRecord => ({ ...order, phase: 'answered' });

/** Nothing has to be visible any more; the request with the key goes out next. */
export const proven = (order: OrderRecord): OrderRecord => ({
  ...order,
  phase: 'finalizing',
  challenges: [],
});

/** What the CA found, of all challenges of an order. */
export type Findings =
  | { readonly found: 'all' }
  | { readonly found: 'not yet'; readonly unasked: readonly ChallengeRecord[] }
  | { readonly found: 'fault'; readonly at: AuthorizationAnswer };

/** @param answers of the authorizations of `order.challenges`, in any order */
export function findings(order: OrderRecord, answers: readonly AuthorizationAnswer[]): Findings {
  const fault = answers.find(({ status }) => status !== 'valid' && status !== 'pending');
  if (fault !== undefined) return { found: 'fault', at: fault };
  const byUrl = new Map(answers.map((answer) => [answer.url, answer]));
  const open = order.challenges.filter((c) => byUrl.get(c.authorizationUrl)?.status !== 'valid');
  if (open.length === 0) return { found: 'all' };
  // Being told twice harms nothing (section 7.5.1), but a CA may count it.
  const unasked = open.filter(
    (c) =>
      (byUrl.get(c.authorizationUrl)?.challenges.find(({ url }) => url === c.challengeUrl)?.status ??
        'pending') === 'pending',
  );
  return { found: 'not yet', unasked };
}

/**
 * Why an order is given up although the CA would go on; undefined: it is not. Once the request with the key was sent the certificate may be
 * there already, and counts: it is taken, whatever is wanted by now.
 *
 * @param issuer the one to be asked now @param directory of the order's own issuer; undefined: there is no such Issuer any more
 */
export function givenUp(
  order: OrderRecord,
  wanted: WantedCertificate | undefined,
  issuer: string | undefined,
  directory: string | undefined,
): string | undefined {
  if (wanted === undefined) return 'it is not wanted any more';
  if (!wanted.issuers.includes(order.issuer) || directory === undefined)
    return `${order.issuer} is no Issuer of the policy any more`;
  if (directory !== order.directory) return `${order.issuer} has another directory now`;
  if (issuer !== order.issuer) return `${issuer ?? 'another Issuer'} is asked instead`;
  if (order.phase === 'finalizing') return undefined;
  if (!sameNames(order.names, wanted.names)) return 'other names are wanted by now';
  if (order.key !== wanted.key) return 'another kind of key is wanted by now';
  if ((order.agentKey === undefined) !== (wanted.cluster === undefined))
    return 'another one makes the key by now';
  return undefined;
}

/** Problem types (RFC 8555 section 6.7) after which the same request may go well. */
const PASSING: ReadonlySet<string> = new Set(['badNonce', 'rateLimited', 'serverInternal', 'orderNotReady']);

/** Whether an order is over after the CA refused a request about it, and not only this request. */
export function endsOrder(problem: { readonly type: string; readonly status?: number }): boolean {
  return !PASSING.has(problem.type) && (problem.status ?? 400) < 500 && problem.status !== 429;
}

/** Whether a refused request for an order made none for sure. A CA that broke in the middle of it may have made one. */
export function surelyNotMade(problem: { readonly type: string; readonly status?: number }): boolean {
  return problem.type !== 'serverInternal' && (problem.status ?? 400) < 500;
}

/** The name of a key that an agent makes for an order; another one for each order. */
export const agentKeyOf = (id: string, nowMs: number): string => `${id}-${nowMs.toString(36)}`;

/** Wildcards can be proven by dns-01 only (section 8.4; RFC 8555 gives the others no way). */
export function challengeTypes(
  wish: 'auto' | ChallengeType,
  of: { readonly wildcard: boolean },
  presentable: readonly ChallengeType[],
): readonly ChallengeType[] {
  return presentable.filter(
    (type) => (wish === 'auto' || wish === type) && (!of.wildcard || type === 'dns-01'),
  );
}
