import { describe, expect, it } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { RecordSet } from '../../src/plan/record-set.ts';
import { containing } from '../../test/support/matchers.ts';
import type { Batch } from '../contract.ts';
import { providerErrorOf } from './errors.ts';

const WRITE = { action: 'ChangeResourceRecordSets', changes: true };
const READ = { action: 'ListResourceRecordSets', changes: false };

function named(name: string, status: number, more: object = {}): Error {
  return Object.assign(new Error(`about ${name}`), { name, $metadata: { httpStatusCode: status }, ...more });
}

describe('errors of Route 53', () => {
  it.each([
    [named('PriorRequestNotComplete', 400), WRITE, 'busy'],
    [named('Throttling', 400), READ, 'throttled'],
    [named('ThrottlingException', 400), WRITE, 'throttled'],
    [named('Whatever', 429), READ, 'throttled'],
    [named('NoSuchHostedZone', 404), READ, 'gone'],
    [named('NoSuchHealthCheck', 404), WRITE, 'conflict'],
    [named('InvalidInput', 400), WRITE, 'invalid'],
    [named('AccessDenied', 403), WRITE, 'denied'],
    [named('InvalidClientTokenId', 403), READ, 'denied'],
    [named('ExpiredToken', 403), READ, 'denied'],
    [named('SignatureDoesNotMatch', 403), READ, 'denied'],
    [named('InternalFailure', 500), READ, 'transient'],
    [named('InternalFailure', 500), WRITE, 'ambiguous'],
    [named('ServiceUnavailable', 503), WRITE, 'ambiguous'],
    [Object.assign(new Error('late'), { name: 'TimeoutError' }), WRITE, 'ambiguous'],
    [Object.assign(new Error('cut'), { code: 'ECONNRESET' }), WRITE, 'ambiguous'],
    [Object.assign(new Error('cut'), { code: 'ECONNRESET' }), READ, 'transient'],
    [Object.assign(new Error('no'), { code: 'ECONNREFUSED' }), WRITE, 'transient'],
    [
      new Error('outer', { cause: Object.assign(new Error('no'), { code: 'ENOTFOUND' }) }),
      WRITE,
      'transient',
    ],
    [Object.assign(new Error('none'), { name: 'CredentialsProviderError' }), READ, 'denied'],
    [new PortolanError('ADDRESS_FORBIDDEN', 'loopback'), READ, 'denied'],
    ['not even an error', WRITE, 'ambiguous'],
  ])('%s of %o is %s', (thrown, context, failure) => {
    expect(providerErrorOf(thrown, context).failure).toBe(failure);
  });

  it('names the permission that AWS names', () => {
    const thrown = named('AccessDenied', 403, {
      message:
        'User: arn:aws:iam::1:user/x is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::1:role/y',
    });
    expect(providerErrorOf(thrown, READ)).toMatchObject({
      failure: 'denied',
      fix: containing('`sts:AssumeRole`'),
    });
    expect(providerErrorOf(named('AccessDenied', 403), READ).fix).toContain(
      '`route53:ListResourceRecordSets`',
    );
  });

  it('waits as long as it is told to', () => {
    const thrown = named('Throttling', 400, { $response: { headers: { 'retry-after': '3' } } });
    expect(providerErrorOf(thrown, READ).retryAfterMs).toBe(3000);
  });

  const set = (name: string, values: readonly string[], target?: string): RecordSet => ({
    name: parseName(name),
    type: 'A',
    setId: '',
    values,
    ...(target === undefined ? { ttlSeconds: 60 } : { native: { AliasTarget: { DNSName: target } } }),
  });
  const batch: Batch = {
    groups: [
      { name: parseName('a.example.com'), changes: [{ after: set('a.example.com', ['192.0.2.1']) }] },
      {
        name: parseName('b.example.com'),
        changes: [{ after: set('x._pool.b.example.com', ['192.0.2.300']) }],
      },
      {
        name: parseName('c.example.com'),
        changes: [{ after: set('c.example.com', [], 'pool.example.com.') }],
      },
      { name: parseName('*.example.com'), changes: [{ after: set('*.example.com', ['192.0.2.4']) }] },
    ],
    tokens: new Map(),
  };

  it.each([
    [
      "Tried to create resource record set [name='a.example.com.', type='A'] but it already exists",
      'conflict',
      'a',
    ],
    [
      "Tried to delete resource record set [name='\\052.example.com.', type='A'] but it was not found",
      'conflict',
      '*',
    ],
    [
      "Tried to delete resource record set [name='a.example.com.', type='A'] but the values provided do not match the current values",
      'conflict',
      'a',
    ],
    [
      'RRSet of type A with DNS name a.example.com. is not permitted because a conflicting RRSet of type CNAME with the same DNS name already exists in zone example.com.',
      'invalid',
      'a',
    ],
    [
      "Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with '192.0.2.300''",
      'invalid',
      'b',
    ],
    [
      'Tried to create an alias that targets pool.example.com., type A in zone Z1, but that target was not found',
      'invalid',
      'c',
    ],
    ['Something new', 'invalid', undefined],
  ])('understands "%s"', (message, failure, label) => {
    const group = label === undefined ? undefined : `${label}.example.com.`;
    const context = { ...WRITE, batch };
    const forms = [
      // As the SDK parses it, as it leaves the documented form, and in the common form.
      named('InvalidChangeBatch', 400, { messages: [message] }),
      named('Unknown', 400, { Messages: { Message: message } }),
      named('InvalidChangeBatch', 400, { message: `[${message}]` }),
    ];
    for (const thrown of forms) expect(providerErrorOf(thrown, context)).toMatchObject({ failure, group });
  });

  it('reads again first, when one of several messages says that something is not as read', () => {
    const thrown = named('InvalidChangeBatch', 400, {
      message:
        "[RRSet with DNS name a.example.com. is not permitted in zone b., Tried to create resource record set [name='a.example.com.', type='A'] but it already exists]",
    });
    expect(providerErrorOf(thrown, { ...WRITE, batch }).failure).toBe('conflict');
  });
});
