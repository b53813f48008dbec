import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseName } from '../src/dns/name.ts';
import { PortolanError } from '../src/errors/error.ts';
import { readTsigKeyFile } from './tsig-key-file.ts';
import { addressArgument, nameServerArgument } from './zone-argument.ts';
import { zoneObjectName } from './zone-document.ts';

const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (thrown) {
    return PortolanError.from(thrown).code;
  }
  return 'nothing';
};

describe('the address of a name server', () => {
  it.each([
    ['192.0.2.53', '192.0.2.53', 53],
    ['192.0.2.53:5353', '192.0.2.53', 5353],
    ['2001:db8::53', '2001:db8::53', 53],
    ['[2001:db8::53]', '2001:db8::53', 53],
    ['[2001:db8::53]:5353', '2001:db8::53', 5353],
  ])('%s', (text, host, port) => expect(addressArgument(text, '--axfr')).toEqual({ host, port }));

  it.each([
    '',
    'ns1.example.com',
    '192.0.2.53:0',
    '192.0.2.53:65536',
    '192.0.2.300',
    '192.0.2.53:dns',
    '[::1',
  ])('is not "%s"', (text) => expect(codeOf(() => addressArgument(text, '--axfr'))).toBe('USAGE'));
});

describe('a name server', () => {
  it('has a name and addresses, or none', () => {
    expect(nameServerArgument('NS1.example.com=192.0.2.53,2001:db8::53')).toEqual({
      name: 'ns1.example.com.',
      addresses: ['192.0.2.53', '2001:db8::53'],
    });
    expect(nameServerArgument('ns.example.net')).toEqual({ name: 'ns.example.net.', addresses: [] });
  });

  it('is refused when it is none', () => {
    expect(codeOf(() => nameServerArgument('ns1.example.com=www'))).toBe('USAGE');
    expect(codeOf(() => nameServerArgument('a..b=192.0.2.1'))).toBe('DNS_NAME_INVALID');
  });
});

describe('the name of a zone object', () => {
  it.each([
    ['example.com', 'example-com'],
    ['2.0.192.in-addr.arpa', '2-0-192-in-addr-arpa'],
    ['0/25.2.0.192.in-addr.arpa', '0-25-2-0-192-in-addr-arpa'],
    ['_msdcs.example.com', 'msdcs-example-com'],
    ['.', 'root'],
    [`${'a'.repeat(62)}.example.com`, 'a'.repeat(62)],
  ])('%s is %s', (origin, name) => expect(zoneObjectName(parseName(origin))).toBe(name));
});

describe('a file with a TSIG key', () => {
  const folder = mkdtempSync(join(tmpdir(), 'portolan-tsig-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const secret = Buffer.from('a secret of 24 octets...').toString('base64');
  const read = (text: string) => {
    writeFileSync(join(folder, 'key'), text);
    return readTsigKeyFile('key', folder);
  };

  it('is what tsig-keygen prints, or one line', () => {
    const expected = { name: 'move.', algorithm: 'hmac-sha256' };
    expect(read(`key "move" {\n\talgorithm hmac-sha256;\n\tsecret "${secret}";\n};\n`)).toMatchObject(
      expected,
    );
    expect(read(`hmac-sha256:move:${secret}\n`)).toMatchObject(expected);
  });

  it.each([
    ['nothing of the kind', 'TSIG_KEY_INVALID'],
    [`hmac-md5:move:${secret}`, 'TSIG_KEY_INVALID'],
    [`key "move" { algorithm hmac-sha256; };`, 'TSIG_KEY_INVALID'],
  ])('is refused when it holds %s', (text, code) => expect(codeOf(() => read(text))).toBe(code));

  it('is refused when it is not there, and no message holds a secret', () => {
    expect(codeOf(() => readTsigKeyFile('missing', folder))).toBe('USAGE');
    let message = '';
    try {
      read(`hmac-md5:move:${secret}`);
    } catch (thrown) {
      message = JSON.stringify(PortolanError.from(thrown).toProblem());
    }
    expect(message).not.toBe('');
    expect(message).not.toContain(secret);
  });
});
