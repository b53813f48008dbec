import { PortolanError } from '../../../src/errors/error.ts';
import type { ErrorCode } from '../../../src/errors/table.ts';
import type { AcmeProblem } from '../contract.ts';

/** What the CA was asked to do: the same problem means different things. */
export type Asked =
  | 'directory'
  | 'account'
  | 'order'
  | 'challenge'
  | 'finalize'
  | 'revocation'
  | 'renewalInfo';

/** A CA answered with a problem document: it did not do what it was asked. */
export class AcmeError extends PortolanError {
  readonly problem: AcmeProblem;

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly fix?: string; readonly problem: AcmeProblem },
  ) {
    super(code, message, options.fix === undefined ? {} : { fix: options.fix });
    this.problem = options.problem;
  }
}

/** A CA gave no answer that can be used. */
export class AcmeNoAnswer extends PortolanError {
  /** The request may have reached the CA, which may have done what it was asked. */
  readonly mayBeDone: boolean;
  /** Retry-After of what answered in its place. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    options: {
      readonly mayBeDone: boolean;
      readonly cause?: unknown;
      readonly fix?: string | undefined;
      readonly retryAfterMs?: number | undefined;
    },
  ) {
    const { cause, fix, retryAfterMs } = options;
    super('ISSUER_UNAVAILABLE', message, {
      ...(cause === undefined ? {} : { cause }),
      ...(fix === undefined ? {} : { fix }),
    });
    this.mayBeDone = options.mayBeDone;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface ProblemContext {
  /** Host of the CA. */
  readonly host: string;
  readonly asked: Asked;
  /** Names that the CA recognizes in CAA records (RFC 8555 section 7.1.1). */
  readonly caaIdentities?: readonly string[];
}

/** What a problem of a CA is for people: whose turn it is, and what to do. Pure. */
export function acmeError(problem: AcmeProblem, context: ProblemContext): AcmeError {
  const code = problemCode(problem, context.asked);
  const fix = fixOf(problem, code, context);
  return new AcmeError(code, messageFor(problem, code, context), {
    problem,
    ...(fix === undefined ? {} : { fix }),
  });
}

/** Of these the CA looked at what we show, and did not find it (RFC 8555 section 6.7). */
const LOOKED: ReadonlySet<string> = new Set([
  'connection',
  'dns',
  'incorrectResponse',
  'tls',
  'unauthorized',
]);

export function problemCode(problem: AcmeProblem, asked: Asked): ErrorCode {
  const { type, status = 0 } = problem;
  // Boulder sheds load with `rateLimited` and 503: that is about the CA, not about us.
  if (type === 'rateLimited') return status === 503 ? 'ISSUER_UNAVAILABLE' : 'ISSUER_RATE_LIMITED';
  if (type === 'serverInternal' || type === 'badNonce') return 'ISSUER_UNAVAILABLE';
  if (type === 'compound') {
    const [code, ...others] = new Set(
      problem.subproblems.map((sub) => problemCode({ ...sub, subproblems: [] }, asked)),
    );
    return code === undefined || others.length > 0 ? 'ISSUER_REFUSED' : code;
  }
  if (LOOKED.has(type) && asked === 'challenge') return 'CHALLENGE_FAILED';
  if (LOOKED.has(type) && type !== 'unauthorized') return 'CHALLENGE_FAILED';
  if (KNOWN.has(type)) return 'ISSUER_REFUSED';
  if (status === 429) return 'ISSUER_RATE_LIMITED';
  return status >= 500 ? 'ISSUER_UNAVAILABLE' : 'ISSUER_REFUSED';
}

const DOING: Readonly<Record<Asked, string>> = {
  directory: 'does not show its directory',
  account: 'refuses the account',
  order: 'refuses the order',
  challenge: 'refuses the challenge',
  finalize: 'does not sign the certificate',
  revocation: 'does not revoke the certificate',
  renewalInfo: 'does not say when to renew',
};

const MAX_SUBPROBLEMS = 5;

function messageFor(problem: AcmeProblem, code: ErrorCode, { host, asked }: ProblemContext): string {
  const subs = problem.subproblems
    .slice(0, MAX_SUBPROBLEMS)
    .map((sub) => `${sub.name ?? ''}${sub.name === undefined ? '' : ': '}${sub.detail || sub.type}`);
  const more = problem.subproblems.length - subs.length;
  const wait = problem.retryAfterMs === undefined ? [] : [`ask again in ${spanOf(problem.retryAfterMs)}`];
  return [
    `${host} ${code === 'CHALLENGE_FAILED' ? 'did not find the challenge' : DOING[asked]}: ${problem.type}: ${problem.detail || 'it does not say why'}`,
    ...subs,
    ...(more > 0 ? [`and ${more} more`] : []),
    ...wait,
  ].join('; ');
}

function spanOf(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.ceil(minutes / 60)} h`;
}

const FIXES = {
  accountDoesNotExist:
    'Nothing to do: an account is made anew. If it stays, the CA takes no account of this Issuer.',
  alreadyReplaced: 'Nothing to do: it is ordered without saying what it replaces.',
  alreadyRevoked: 'Nothing to do: it is revoked.',
  badCSR:
    "Choose another key algorithm (`spec.key.algorithm`); with keys made by agents, see the agent's log.",
  badPublicKey: 'Choose another key algorithm: `spec.key.algorithm` of the CertificatePolicy.',
  badRevocationReason: 'Give another reason: `portolan cert revoke --reason`.',
  badSignatureAlgorithm:
    'The CA does not take ES256 for accounts, which RFC 8555 asks of it: use another CA.',
  caa: undefined,
  connection:
    'Let the CA reach the name from the internet: port 80 for http-01, 443 for tls-alpn-01, also over IPv6 where the name has an AAAA record.',
  dns: 'Look at the name as the internet sees it: `dig +trace TXT _acme-challenge.<name>`; broken DNSSEC and servers that do not agree are the usual reasons.',
  externalAccountRequired:
    'Put the key id and HMAC key that the CA gave you into `spec.acme.externalAccountBinding` of the Issuer.',
  incorrectResponse:
    'Another answer than ours is shown: look for a proxy or another ACME client that answers for this name.',
  invalidContact: 'Correct `spec.acme.email` of the Issuer.',
  invalidProfile: 'Choose one of `status.profiles` of the Issuer for `spec.acme.profile`, or leave it out.',
  malformed: undefined,
  orderNotReady: 'Nothing to do: the order is looked at again.',
  rateLimited: undefined,
  rejectedIdentifier:
    'Remove the name from the CertificatePolicy, or use an Issuer that gives certificates for it.',
  serverInternal: undefined,
  tls: 'Let the CA speak TLS with the gateway: port 443 must not end at anything that does not pass ALPN on.',
  unauthorized: undefined,
  unsupportedContact: 'Correct `spec.acme.email` of the Issuer, or leave it out.',
  unsupportedIdentifier: 'This CA gives no certificates for such names: use another Issuer.',
  userActionRequired:
    'Open the page that the CA names, do what it asks (as a rule: agree to new terms), then apply the Issuer again.',
} as const satisfies Readonly<Record<string, string | undefined>>;

const KNOWN: ReadonlySet<string> = new Set(Object.keys(FIXES));

function fixOf(problem: AcmeProblem, code: ErrorCode, context: ProblemContext): string | undefined {
  const [first] = problem.subproblems;
  const type =
    problem.type === 'compound' && code !== 'ISSUER_REFUSED' && first !== undefined
      ? first.type
      : problem.type;
  if (type === 'caa') {
    const [identity] = context.caaIdentities ?? [];
    const value = identity === undefined ? 'the name of this CA' : `"${identity}"`;
    return `Add a CAA record that allows this CA (\`<name> CAA 0 issue ${value}\`), or use an Issuer that the records allow.`;
  }
  if (type === 'unauthorized')
    return code === 'CHALLENGE_FAILED'
      ? 'The CA saw another answer than ours: look for another ACME client, an old record, or a name server that does not have the newest zone.'
      : 'The CA does not let this account do that: check the account there and `spec.acme.externalAccountBinding`.';
  return FIXES[type as keyof typeof FIXES];
}
