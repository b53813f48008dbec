import { generateKeyPairSync } from 'node:crypto';
import { expect, it } from 'vitest';
import { containing } from '../../test/support/matchers.ts';
import { checkedRequest } from './checked-request.ts';
import { createCsr } from './csr.ts';

const NAMES = ['*.shop.example.com', 'shop.example.com'];
const pem = { type: 'pkcs8', format: 'pem' } as const;
const KEYS: Readonly<Record<string, string>> = {
  'ECDSA-P256': generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export(pem).toString(),
  'ECDSA-P384': generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export(pem).toString(),
  'RSA-2048': generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export(pem).toString(),
};

it.each(Object.entries(KEYS))(
  'a request with %s for exactly the wanted names is taken',
  async (algorithm, key) => {
    const csr = createCsr(key, NAMES);
    await expect(checkedRequest(csr, { names: NAMES, algorithm })).resolves.toBe(csr);
    // The order of names says nothing.
    await expect(checkedRequest(csr, { names: NAMES.toReversed(), algorithm })).resolves.toBe(csr);
  },
);

const P256 = KEYS['ECDSA-P256'] ?? '';
const many = Array.from({ length: 100 }, (_, i) => `${'a'.repeat(60)}.${i}.example.com`);

it('a hundred names fit', async () => {
  const wanted = { names: many, algorithm: 'ECDSA-P256' };
  await expect(checkedRequest(createCsr(P256, many), wanted)).resolves.toBeDefined();
});

const damaged = createCsr(P256, NAMES);
damaged[damaged.length - 3] = (damaged[damaged.length - 3] ?? 0) ^ 1;

it.each([
  ['a name too many', createCsr(P256, [...NAMES, 'bank.example']), 'bank.example'],
  ['a name too few', createCsr(P256, NAMES.slice(1)), 'and not for'],
  ['no name', createCsr(P256), 'no name'],
  ['another algorithm', createCsr(KEYS['RSA-2048'] ?? '', NAMES), 'RSA-2048 and not ECDSA-P256'],
  ['a signature of another key', damaged, 'refused'],
  ['octets that are no request', Buffer.from('hello'), 'refused'],
  ['more octets than any request', Buffer.alloc(70_000), 'longer'],
])('a request is refused for %s', async (_, csr, message) => {
  await expect(checkedRequest(csr, { names: NAMES, algorithm: 'ECDSA-P256' })).rejects.toMatchObject({
    code: 'CSR_INVALID',
    message: containing(message),
  });
});
