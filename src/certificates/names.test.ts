import { describe, expect, it } from 'vitest';
import {
  certificateName,
  covers,
  nameSet,
  nameSetKey,
  registeredDomain,
  registeredDomains,
  withoutWildcard,
} from './names.ts';

describe('names of certificates', () => {
  it.each([
    ['Shop.Example.com.', 'shop.example.com'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['*.EXAMPLE.com', '*.example.com'],
  ])('%s is spelt %s', (text, name) => {
    expect(certificateName(text)).toBe(name);
  });

  it.each([
    '',
    'localhost',
    '_dmarc.example.com',
    'a.*.example.com',
    '*',
    '-a.example.com',
    'a b.example.com',
  ])('%j is no name of a certificate', (text) => {
    expect(certificateName(text)).toHaveProperty('reason');
  });

  it('a wildcard covers one label, never the name above it nor two labels', () => {
    expect(covers('*.example.com', 'www.example.com')).toBe(true);
    expect(covers('*.example.com', 'example.com')).toBe(false);
    expect(covers('*.example.com', 'a.b.example.com')).toBe(false);
    expect(covers('*.example.com', '*.a.example.com')).toBe(false);
    expect(covers('*.example.com', '*.example.com')).toBe(true);
  });

  it('sets with the same names have the same key, whatever their order', () => {
    expect(nameSetKey(['b.example', 'a.example'])).toBe(nameSetKey(['a.example', 'b.example', 'a.example']));
    expect(nameSetKey(['a.example'])).not.toBe(nameSetKey(['a.example', 'b.example']));
  });

  it.each([
    ['www.shop.example.com', 'example.com'],
    ['*.shop.example.co.uk', 'example.co.uk'],
    // The private part of the list counts, as it does for CAs.
    ['alice.github.io', 'alice.github.io'],
    ['github.io', 'github.io'],
    ['a.b.internal-name', 'b.internal-name'],
  ])('%s counts for %s', (name, domain) => {
    expect(registeredDomain(name)).toBe(domain);
  });

  it('domains of a set are told once', () => {
    expect(registeredDomains(nameSet(['a.example.com', '*.example.com', 'x.example.org']))).toEqual([
      'example.com',
      'example.org',
    ]);
    expect(withoutWildcard('*.a.example')).toBe('a.example');
  });
});
