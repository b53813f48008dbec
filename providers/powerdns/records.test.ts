import { describe, expect, it } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import type { RecordSet } from '../../src/plan/record-set.ts';
import { containing } from '../../test/support/matchers.ts';
import { contentOfApi, patchOf, setOf } from './records.ts';

const NAME = parseName('www.example.com');
const plain = (type: string, values: readonly string[]): RecordSet => ({
  name: NAME,
  type,
  setId: '',
  ttlSeconds: 60,
  values,
});
const api = (type: string, contents: readonly string[], disabled: readonly string[] = []) => ({
  name: 'WWW.example.com.',
  type,
  ttl: 60,
  records: [
    ...contents.map((content) => ({ content, disabled: false })),
    ...disabled.map((content) => ({ content, disabled: true })),
  ],
});

describe('an RRset of the API', () => {
  it.each([
    ['A', ['192.0.2.2', '192.0.2.1'], ['192.0.2.1', '192.0.2.2']],
    ['AAAA', ['2001:DB8:0:0:0:0:0:1'], ['2001:db8::1']],
    ['MX', ['10 MAIL.example.net.'], ['10 mail.example.net.']],
    ['TXT', ['"say \\"hi\\""'], ['"say \\"hi\\""']],
    ['HTTPS', ['1 . alpn=h2,h3'], ['1 . alpn="h2,h3"']],
    ['ALIAS', ['x.example.net.'], ['x.example.net.']],
    ['A', ['not an address'], ['not an address']],
  ] as const)('%s %j is spelt as we spell it', (type, contents, values) => {
    expect(setOf(api(type, contents))).toEqual(plain(type, values));
  });

  it('shows what is switched off apart from what is answered', () => {
    expect(setOf(api('A', ['192.0.2.1'], ['192.0.2.2']))).toEqual({
      ...plain('A', ['192.0.2.1']),
      native: { disabled: ['192.0.2.2'] },
    });
  });

  it('has the code of LUA records beside the values', () => {
    const content = `A ";return {'192.0.2.1'}"`;
    expect(setOf(api('LUA', [content]))).toEqual({ ...plain('LUA', []), native: { lua: [content] } });
  });

  it('is none when it has comments only, or is made by PowerDNS', () => {
    expect(setOf(api('A', []))).toBeUndefined();
    expect(setOf(api('RRSIG', ['x']))).toBeUndefined();
  });
});

describe('a PATCH', () => {
  it('deletes before it replaces', () => {
    const alias = plain('CNAME', ['x.example.net.']);
    expect(patchOf([{ after: alias }, { before: plain('A', ['192.0.2.1']) }])).toEqual([
      { name: NAME, type: 'A', changetype: 'DELETE' },
      {
        name: NAME,
        type: 'CNAME',
        changetype: 'REPLACE',
        ttl: 60,
        records: [{ content: 'x.example.net.', disabled: false }],
      },
    ]);
  });

  it.each([
    ['1 . alpn="h2,h3" port="443"', '1 . alpn=h2,h3 port=443'],
    ['1 . ipv4hint="192.0.2.1"', '1 . ipv4hint=192.0.2.1'],
    ['1 . ech="AEX+DQA="', '1 . ech="AEX+DQA="'],
    ['1 . key65280="a b"', '1 . key65280="a b"'],
  ])('spells %s as PowerDNS does', (ours, theirs) => {
    expect(contentOfApi('HTTPS', ours)).toBe(theirs);
    expect(contentOfApi('TXT', ours)).toBe(ours);
  });

  it.each([
    ['a value that is none', plain('A', ['300.0.2.1']), 'invalid', 'www.example.com. A'],
    ['the serial', plain('SOA', ['x']), 'unsupported', 'keeps the serial'],
    ['what signing makes', plain('NSEC', ['x']), 'unsupported', 'signs'],
    ['LUA without code', plain('LUA', []), 'unsupported', 'no code'],
    ['a type of PowerDNS’s own', plain('ALIAS', ['x.example.net.']), 'unsupported', 'ALIAS'],
    ['a set with an identifier', { ...plain('A', ['192.0.2.1']), setId: 'x' }, 'invalid', 'identifier'],
  ] as const)('refuses %s, by its name', (_, after, failure, text) => {
    expect(() => patchOf([{ after }])).toThrow(
      expect.objectContaining({ failure, group: NAME, message: containing(text) }),
    );
  });
});
