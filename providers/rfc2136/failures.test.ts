import { describe, expect, it } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import { CLASS, OPCODE, parseRcode, TYPE } from '../../src/dns/types.ts';
import { makeQuery } from '../../src/dns/wire/message.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { containing, matching } from '../../test/support/matchers.ts';
import type { Answer } from './exchange.ts';
import { failureOf, transferFailure } from './failures.ts';
import { keyOfSecret } from './key.ts';

const key = keyOfSecret({
  name: 'portolan',
  algorithm: 'hmac-sha256',
  secret: Buffer.alloc(32, 1).toString('base64'),
});
const asked = { what: 'UPDATE', zone: 'example.com', server: 'ns1 port 53', key, nowSeconds: 10_000 };
const answer = (rcode: string, more: Partial<Answer> = {}): Answer => ({
  message: {
    ...makeQuery(1, { name: parseName('example.com'), type: TYPE.SOA, class: CLASS.IN }),
    opcode: OPCODE.UPDATE,
    rcode: parseRcode(rcode) ?? -1,
  },
  trusted: true,
  tsig: undefined,
  ...more,
});

describe('the answer to an UPDATE', () => {
  // RFC 2136 section 2.2, RFC 8945 section 5.3.
  it.each([
    ['NXDOMAIN', 'conflict'],
    ['YXDOMAIN', 'conflict'],
    ['YXRRSET', 'conflict'],
    ['NXRRSET', 'conflict'],
    ['REFUSED', 'denied'],
    ['NOTAUTH', 'gone'],
    ['NOTZONE', 'invalid'],
    ['FORMERR', 'invalid'],
    ['NOTIMP', 'unsupported'],
    ['SERVFAIL', 'ambiguous'],
  ] as const)('%s is %s', (rcode, failure) => {
    expect(failureOf(answer(rcode), asked)).toMatchObject({ failure, message: containing(rcode) });
  });

  it('is a success with NOERROR only if it is signed', () => {
    expect(failureOf(answer('NOERROR'), asked)).toBeUndefined();
    expect(failureOf(answer('NOERROR', { trusted: false }), asked)).toMatchObject({
      failure: 'ambiguous',
      message: containing('not signed by the key portolan'),
    });
    expect(failureOf(answer('NXRRSET', { trusted: false }), asked)).toMatchObject({ failure: 'ambiguous' });
  });

  it.each([
    [17, undefined, 'does not know the key portolan (hmac-sha256)'],
    [16, undefined, 'another secret for the key portolan'],
    [18, 10_400, 'our clock is 400 s behind its own'],
    [18, 9_000, 'our clock is 1000 s ahead of its own'],
    [18, undefined, 'our clock is too far from its own'],
    [22, undefined, 'TSIG error 22'],
  ] as const)(
    'with TSIG error %i (server clock %s) says what to correct',
    (error, serverSeconds, message) => {
      expect(failureOf(answer('NOTAUTH', { tsig: { error, serverSeconds } }), asked)).toMatchObject({
        failure: 'denied',
        message: containing(message),
      });
    },
  );

  it('that refuses tells what to write into the configuration of BIND and of Knot', () => {
    const fix = failureOf(answer('REFUSED'), asked)?.fix;
    expect(fix).toContain(
      'update-policy { grant portolan zonesub ANY; }; allow-transfer { key "portolan"; };',
    );
    expect(fix).toContain('acl: [{ id: portolan, key: portolan, action: [update, transfer] }]');
  });
});

it.each([
  ['TRANSFER_REFUSED', 'denied'],
  ['TSIG_REJECTED', 'denied'],
  ['ADDRESS_FORBIDDEN', 'denied'],
  ['TRANSFER_TOO_BIG', 'unsupported'],
  ['TRANSFER_FAILED', 'transient'],
  ['NAME_SERVER_SILENT', 'transient'],
] as const)('a transfer that ends with %s is %s', (code, failure) => {
  expect(transferFailure(new PortolanError(code, 'what happened'), asked)).toMatchObject({
    failure,
    message: matching(/what happened/),
  });
});
