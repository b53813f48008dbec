import { describe, expect, it } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { errorOfConnection, errorOfRefusal, errorOfToken, type Request, refusalOf } from './errors.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const WWW = parseName('www.example.com.');
const API = parseName('api.example.com.');
const CREATE: Request = {
  action: 'changes.create',
  writes: true,
  zone: 'example-com',
  additions: [
    { name: WWW, group: WWW },
    { name: parseName('api._owner._portolan.example.com.'), group: API },
    { name: parseName('me._fence._portolan.example.com.'), group: undefined },
  ],
  deletions: [{ name: API, group: API }],
};
const LIST: Request = { action: 'resourceRecordSets.list', writes: false, zone: 'example-com' };

function body(code: number, reason: string, message: string, location?: string) {
  return { error: { code, message, errors: [{ domain: 'global', reason, message, location }] } };
}

function refused(
  request: Request,
  status: number,
  reason: string,
  message = 'no',
  retryAfter: string | null = null,
) {
  return errorOfRefusal(request, refusalOf(status, body(status, reason, message)), retryAfter, NOW);
}

describe('what Google refuses', () => {
  it.each([
    [CREATE, 401, 'authError', 'denied'],
    [CREATE, 403, 'forbidden', 'denied'],
    [CREATE, 403, 'accessNotConfigured', 'denied'],
    [CREATE, 403, 'rateLimitExceeded', 'throttled'],
    [CREATE, 403, 'userRateLimitExceeded', 'throttled'],
    [CREATE, 403, 'quotaExceeded', 'throttled'],
    [CREATE, 429, 'rateLimitExceeded', 'throttled'],
    [CREATE, 429, '', 'throttled'],
    [CREATE, 404, 'notFound', 'gone'],
    [CREATE, 409, 'alreadyExists', 'conflict'],
    [CREATE, 412, 'conditionNotMet', 'conflict'],
    [CREATE, 400, 'invalid', 'invalid'],
    [CREATE, 413, 'quotaExceeded', 'invalid'],
    [CREATE, 500, 'backendError', 'ambiguous'],
    [CREATE, 503, 'backendError', 'ambiguous'],
    [LIST, 500, 'backendError', 'transient'],
    [LIST, 408, '', 'transient'],
  ] as const)('%o: %i %s is %s', (request, status, reason, failure) => {
    expect(refused(request, status, reason).failure).toBe(failure);
  });

  it('says which permission is missing and which role has it', () => {
    const error = refused(CREATE, 403, 'forbidden');
    expect(error.fix).toContain('dns.changes.create');
    expect(error.fix).toContain('roles/dns.admin');
  });

  it('takes the deletion of what is not there for a conflict, not for a zone that is gone', () => {
    const message = "The 'entity.change.deletions[0]' resource named 'api.example.com. (A)' does not exist.";
    expect(refused(CREATE, 404, 'notFound', message).failure).toBe('conflict');
  });

  it.each([
    ["Invalid value for 'entity.change.additions[1].rrdata[0]': '300.1.1.1'", API],
    ["The resource record set 'entity.change.additions[www.example.com.][CNAME]' is invalid because …", WWW],
    ["Invalid value for 'entity.change.deletions[0].ttl': '-1'", API],
    ["Invalid value for 'entity.change.additions[2].rrdata[0]': 'x'", undefined],
    ["Invalid value for 'entity.change.additions[7].name': 'x'", undefined],
    ['Invalid JSON payload received.', undefined],
  ])('names the record of: %s', (message, group) => {
    expect(refused(CREATE, 400, 'invalid', message).group).toBe(group);
  });

  it('comes again when Google says, in seconds or at a date', () => {
    expect(refused(LIST, 429, 'rateLimitExceeded', 'no', '7').retryAfterMs).toBe(7_000);
    expect(refused(LIST, 429, 'rateLimitExceeded', 'no', 'Thu, 01 Jan 2026 00:00:30 GMT').retryAfterMs).toBe(
      30_000,
    );
    expect(refused(LIST, 429, 'rateLimitExceeded', 'no', 'soon').retryAfterMs).toBeUndefined();
  });

  it('is told from any body, also one that is no JSON', () => {
    expect(errorOfRefusal(LIST, refusalOf(502, '<html>'), null, NOW)).toMatchObject({
      failure: 'transient',
      message: 'Google Cloud DNS answered resourceRecordSets.list with 502: HTTP status 502',
    });
  });
});

describe('no answer at all', () => {
  const broken = (code: string) => new Error('failed', { cause: Object.assign(new Error(code), { code }) });

  it.each([
    [CREATE, 'ECONNREFUSED', 'transient'],
    [CREATE, 'ENOTFOUND', 'transient'],
    [CREATE, 'ECONNRESET', 'ambiguous'],
    [CREATE, 'ETIMEDOUT', 'ambiguous'],
    [LIST, 'ECONNRESET', 'transient'],
    [CREATE, 'SELF_SIGNED_CERT_IN_CHAIN', 'transient'],
  ] as const)('%o: %s is %s', (request, code, failure) => {
    expect(errorOfConnection(request, broken(code)).failure).toBe(failure);
  });

  it('names caSecret where the certificate is not trusted', () => {
    expect(errorOfConnection(LIST, broken('DEPTH_ZERO_SELF_SIGNED_CERT')).fix).toContain('caSecret');
  });

  it('says that an address is forbidden (I32)', () => {
    const guard = new PortolanError('ADDRESS_FORBIDDEN', '127.0.0.1 lies in 127.0.0.0/8');
    const error = errorOfConnection(CREATE, new Error('failed', { cause: guard }));
    expect(error).toMatchObject({ failure: 'denied', message: guard.message, fix: guard.fix });
  });
});

describe('no access token', () => {
  it.each([
    [400, 'denied'],
    [401, 'denied'],
    [429, 'throttled'],
    [500, 'transient'],
  ] as const)('after %i is %s', (status, failure) => {
    expect(errorOfToken(new Error('invalid_grant: Invalid JWT Signature.'), status).failure).toBe(failure);
  });

  it('is transient when the token endpoint was not reached, and denied when there are no credentials', () => {
    const code = 'ECONNRESET';
    expect(errorOfToken(Object.assign(new Error(code), { code }), undefined).failure).toBe('transient');
    expect(errorOfToken(new Error('Could not load the default credentials.'), undefined).failure).toBe(
      'denied',
    );
  });
});
