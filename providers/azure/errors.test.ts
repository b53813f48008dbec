import { describe, expect, it } from 'vitest';
import { PortolanError } from '../../src/errors/error.ts';
import { grantFor, providerErrorOf, tokenErrorOf } from './errors.ts';

/** What the SDK throws when the API answers with an error. */
function restError(statusCode: number, code: string, headers: Readonly<Record<string, string>> = {}): Error {
  return Object.assign(new Error(`${code} happened`), {
    name: 'RestError',
    statusCode,
    details: { error: { code, message: `${code} it said` } },
    response: { headers: { get: (name: string) => headers[name] } },
  });
}

const write = { action: 'RecordSets_CreateOrUpdate', writes: true, conditional: true };
const read = { action: 'RecordSets_List', writes: false };

describe('what Azure answered, in terms the hub acts on', () => {
  it.each([
    [400, 'BadRequest', write, 'invalid'],
    [401, 'InvalidAuthenticationToken', write, 'denied'],
    [403, 'AuthorizationFailed', write, 'denied'],
    [404, 'ParentResourceNotFound', write, 'gone'],
    [404, 'ResourceGroupNotFound', write, 'gone'],
    [404, 'NotFound', write, 'conflict'],
    [404, 'ResourceNotFound', read, 'gone'],
    [409, 'Conflict', write, 'conflict'],
    [409, 'AnotherOperationInProgress', write, 'busy'],
    [412, 'PreconditionFailed', write, 'conflict'],
    [429, 'TooManyRequests', write, 'throttled'],
    [429, 'RetryableErrorDueToAnotherOperation', write, 'busy'],
    [500, 'InternalServerError', write, 'ambiguous'],
    [500, 'InternalServerError', read, 'transient'],
    [503, 'ServiceUnavailable', write, 'ambiguous'],
  ] as const)('%i %s', (status, code, asked, failure) => {
    const error = providerErrorOf(restError(status, code), asked);
    expect(error.failure).toBe(failure);
    expect(error.message).toContain(`${code} it said`);
  });

  it('a connection that was never made changed nothing; one that broke may have', () => {
    const failed = (code: string) => Object.assign(new Error('no'), { code });
    expect(providerErrorOf(failed('ECONNREFUSED'), write).failure).toBe('transient');
    expect(providerErrorOf(failed('SELF_SIGNED_CERT_IN_CHAIN'), write).failure).toBe('transient');
    expect(providerErrorOf(failed('ECONNRESET'), write).failure).toBe('ambiguous');
    expect(providerErrorOf(failed('ECONNRESET'), read).failure).toBe('transient');
  });

  it('says when to come back, and what to grant', () => {
    const throttled = providerErrorOf(restError(429, 'TooManyRequests', { 'retry-after': '17' }), write);
    expect(throttled.retryAfterMs).toBe(17_000);
    expect(providerErrorOf(restError(403, 'AuthorizationFailed'), write).fix).toContain(
      'DNS Zone Contributor',
    );
    expect(grantFor('Profiles_Delete')).toContain('Traffic Manager Contributor');
    expect(grantFor('Profiles_Delete')).toContain('Microsoft.Network/trafficManagerProfiles/delete');
  });

  it('I32 an address that is forbidden is no fault of the network', () => {
    const forbidden = new Error('request failed', {
      cause: new PortolanError('ADDRESS_FORBIDDEN', 'loopback'),
    });
    expect(providerErrorOf(forbidden, write)).toMatchObject({ failure: 'denied', message: 'loopback' });
    expect(tokenErrorOf(forbidden)).toMatchObject({ failure: 'denied', message: 'loopback' });
  });

  it('a token that was refused is denied, one that could not be asked for comes later', () => {
    const named = (name: string, message: string, more: object = {}) =>
      Object.assign(new Error(message), { name, ...more });
    expect(tokenErrorOf(named('AuthenticationRequiredError', 'invalid_client: AADSTS7000215')).failure).toBe(
      'denied',
    );
    expect(tokenErrorOf(named('CredentialUnavailableError', 'no managed identity')).failure).toBe('denied');
    expect(tokenErrorOf(named('AuthenticationError', 'busy', { statusCode: 503 })).failure).toBe('transient');
    expect(tokenErrorOf(named('AuthenticationError', 'busy', { statusCode: 429 })).failure).toBe('throttled');
    expect(tokenErrorOf(named('Error', 'connect ECONNREFUSED')).failure).toBe('transient');
  });

  it('says what happened on the way, not that endpoints were not resolved', () => {
    const hidden = Object.assign(new Error('endpoints_resolution_error: See the page'), {
      name: 'CredentialUnavailableError',
    });
    expect(tokenErrorOf(hidden, new Error('connect ECONNREFUSED'))).toMatchObject({
      failure: 'transient',
      message: 'token: connect ECONNREFUSED',
    });
    expect(tokenErrorOf(hidden, new PortolanError('ADDRESS_FORBIDDEN', 'loopback'))).toMatchObject({
      failure: 'denied',
      message: 'loopback',
    });
    expect(tokenErrorOf(hidden).failure).toBe('transient');
  });
});
