import { z } from 'zod';
import type { RecordSet } from '../../src/plan/record-set.ts';
import { type Batch, ProviderError, type ProviderFailure } from '../contract.ts';
import { forbiddenBy, noAnswer, retryAfterMs } from '../no-answer.ts';
import { nameFromApi, octalEscapes } from './names.ts';
import { aliasTargetOf } from './records.ts';

/**
 * What Route 53's errors mean to the hub: https://docs.aws.amazon.com/Route53/latest/APIReference/CommonErrors.html and the errors of each
 * action, above all https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
 */

/** Of an action that changes something, a lost answer leaves open whether it did. */
export interface ErrorContext {
  /** `ChangeResourceRecordSets`. */
  readonly action: string;
  readonly changes: boolean;
  readonly batch?: Batch;
}

/** The parts of an SDK error that are looked at. Which class it is depends on what the SDK could parse, so nothing else is trusted. */
const sdkError = z.object({
  name: z.string().catch('Error'),
  message: z.string().catch(''),
  code: z.string().optional().catch(undefined),
  /** InvalidChangeBatch, parsed by the SDK. */
  messages: z.array(z.string()).optional().catch(undefined),
  /** The same in the documented form `<InvalidChangeBatch><Messages><Message>`, which the SDK leaves unparsed and unnamed. */
  Messages: z
    .object({ Message: z.union([z.string(), z.array(z.string())]) })
    .optional()
    .catch(undefined),
  $metadata: z.object({ httpStatusCode: z.number().optional() }).optional().catch(undefined),
  $response: z
    .object({ headers: z.record(z.string(), z.string()).optional() })
    .optional()
    .catch(undefined),
});
type SdkError = z.output<typeof sdkError>;

/** 400 Throttling "Rate exceeded"; the newer spellings of other AWS services come from proxies and test servers. */
const THROTTLED = new Set([
  'Throttling',
  'ThrottlingException',
  'ThrottledException',
  'RequestLimitExceeded',
  'TooManyRequestsException',
  'SlowDown',
]);

const CREDENTIALS = new Map([
  ['InvalidClientTokenId', 'The access key is not known (any more): correct `accessKeyId` in the Secret.'],
  ['UnrecognizedClientException', 'The access key is not known (any more): correct it in the Secret.'],
  ['SignatureDoesNotMatch', 'The secret access key is wrong: correct `secretAccessKey` in the Secret.'],
  ['InvalidSignatureException', 'The secret access key is wrong: correct `secretAccessKey` in the Secret.'],
  ['IncompleteSignature', 'The credentials are not complete: give `accessKeyId` and `secretAccessKey`.'],
  [
    'MissingAuthenticationToken',
    'No credentials came with the request: name a Secret, or give the hub a role.',
  ],
  ['ExpiredToken', 'The temporary credentials have expired: renew the Secret, or use a role.'],
  ['ExpiredTokenException', 'The temporary credentials have expired: renew the Secret, or use a role.'],
  ['RequestExpired', "The hub's clock is wrong: AWS refuses requests that are more than 5 minutes off."],
  [
    'CredentialsProviderError',
    'No credentials were found: name a Secret in `route53.secret`, or give the hub a role (IRSA, instance profile).',
  ],
  [
    'TokenProviderError',
    'No credentials were found: name a Secret in `route53.secret`, or give the hub a role.',
  ],
  ['OptInRequired', 'The account is not signed up for Route 53.'],
]);

const FORBIDDEN = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'NotAuthorizedException',
  'UnauthorizedOperation',
]);

/** What was thrown by a call of the SDK, in terms of the contract. */
export function providerErrorOf(thrown: unknown, context: ErrorContext): ProviderError {
  if (thrown instanceof ProviderError) return thrown;
  const forbidden = forbiddenBy(thrown);
  if (forbidden !== undefined) return forbidden;
  const error = sdkError.parse(typeof thrown === 'object' && thrown !== null ? thrown : {});
  const status = error.$metadata?.httpStatusCode;
  const messages = messagesOf(error);
  const text = `${context.action}: ${messages === undefined ? `${error.name}: ${error.message}` : messages.join(' ')}`;
  const fail = (failure: ProviderFailure, fix?: string): ProviderError =>
    new ProviderError(failure, text, {
      fix,
      cause: thrown,
      retryAfterMs: retryAfterMs(error.$response?.headers?.['retry-after']),
    });

  if (messages !== undefined && context.action === 'ChangeResourceRecordSets') {
    return changeRefused(messages, context, text, thrown);
  }
  // "If Route 53 can't process a request before the next request arrives, it will reject subsequent requests for the same hosted zone".
  if (error.name === 'PriorRequestNotComplete') return fail('busy');
  if (THROTTLED.has(error.name) || status === 429) return fail('throttled');
  if (error.name === 'NoSuchHostedZone') return fail('gone');
  // A health check that a set names was deleted: it is made again with the next plan.
  if (error.name === 'NoSuchHealthCheck' || error.name === 'HealthCheckVersionMismatch')
    return fail('conflict');
  if (error.name === 'InvalidInput' || error.name === 'ValidationError') return fail('invalid');
  if (error.name === 'TooManyHealthChecks') {
    return fail(
      'invalid',
      'Ask AWS for more health checks (an account has 200 and may make 1,000 a day by default), or write `decider: portolan` below spec.dns.',
    );
  }
  const credentials = CREDENTIALS.get(error.name);
  if (credentials !== undefined) return fail('denied', credentials);
  if (FORBIDDEN.has(error.name) || status === 403) {
    // AWS names the action itself where it can: assuming a role fails within any request.
    const named = /not authorized to perform: ([\w-]+:\w+)/.exec(error.message)?.[1];
    return fail(
      'denied',
      `Allow \`${named ?? `route53:${context.action}`}\` in the IAM policy of these credentials.`,
    );
  }
  if (status !== undefined && status >= 400 && status < 500) return fail('invalid');
  if (status === undefined) return noAnswer(context.action, thrown, { writes: context.changes });
  return fail(context.changes ? 'ambiguous' : 'transient');
}

/**
 * "Tried to delete … but it was not found" and "… the values provided do not match" say that a precondition does not hold, so does "Tried
 * to create … but it already exists". Everything else is a record that Route 53 does not take.
 */
function changeRefused(
  messages: readonly string[],
  context: ErrorContext,
  text: string,
  cause: unknown,
): ProviderError {
  const notAsRead = messages.some((message) => NOT_AS_READ.some((pattern) => pattern.test(message)));
  const group = context.batch?.groups.find((candidate) =>
    candidate.changes.some(({ before, after }) =>
      [before, after].some((set) => set !== undefined && messages.some((message) => isAbout(message, set))),
    ),
  );
  return new ProviderError(notAsRead ? 'conflict' : 'invalid', text, { group: group?.name, cause });
}

const NOT_AS_READ = [
  /tried to delete .* but it was not found/i,
  /tried to delete .* but (but )?the values provided do not match/i,
  /tried to create .* but it already exists/i,
  // A routing policy that somebody else put there since.
  /cannot be created as (a |other )/i,
];

/** Messages name a record (`name='www.example.com.'`, `DNS name www.example.com.`), the target of an alias, or only a value. */
function isAbout(message: string, set: RecordSet): boolean {
  const name = /name='([^']+)'|DNS name '?([^\s',]+)/.exec(message);
  if (name !== null) return nameFromApi(name[1] ?? name[2] ?? '') === set.name;
  const target = /alias that targets ([^\s,]+)/.exec(message);
  if (target !== null) return nameFromApi(target[1] ?? '') === aliasTargetOf(set);
  return set.values.some((value) => message.includes(`'${octalEscapes(value)}'`));
}

function messagesOf(error: SdkError): readonly string[] | undefined {
  if (error.messages !== undefined && error.messages.length > 0) return error.messages;
  if (error.Messages !== undefined) return [error.Messages.Message].flat();
  return error.name === 'InvalidChangeBatch' ? splitMessage(error.message) : undefined;
}

/** In `<ErrorResponse>` the messages come as one: `[first, second]`. */
function splitMessage(message: string): readonly string[] {
  return message
    .replace(/^\[|\]$/g, '')
    .split(/, (?=Tried to |RRSet |Invalid |Duplicate )/)
    .filter((part) => part !== '');
}
