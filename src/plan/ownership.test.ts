import { describe, expect, it } from 'vitest';
import { type DomainName, parseName } from '../dns/name.ts';
import {
  belongsTo,
  fenceName,
  markedName,
  markerName,
  pooledName,
  poolSuffix,
  relativeLabel,
} from './ownership.ts';
import { at, ORIGIN, set } from './testing/zone.ts';

const ROOT = parseName('.');

describe('names beside a hostname', () => {
  it.each<[string, string, string]>([
    ['www', 'www._owner._portolan.example.com.', 'www._pool._portolan.example.com.'],
    ['a.b', 'a.b._owner._portolan.example.com.', 'a.b._pool._portolan.example.com.'],
    ['', '_apex._owner._portolan.example.com.', '_apex._pool._portolan.example.com.'],
    ['*', '_wildcard._owner._portolan.example.com.', '_wildcard._pool._portolan.example.com.'],
    ['*.eu', '_wildcard.eu._owner._portolan.example.com.', '_wildcard.eu._pool._portolan.example.com.'],
  ])('lie below _portolan, never below "%s" itself, and lead back to it', (label, marker, pool) => {
    const name = at(label);
    expect(markerName(ORIGIN, name)).toBe(marker);
    expect(poolSuffix(ORIGIN, name)).toBe(pool);
    expect(markedName(ORIGIN, markerName(ORIGIN, name))).toBe(name);
    expect(pooledName(ORIGIN, parseName(`p1.${pool}`))).toBe(name);
  });

  it('are found in the root zone and for the root itself', () => {
    expect(markerName(ROOT, parseName('www.'))).toBe('www._owner._portolan.');
    expect(markedName(ROOT, parseName('www._owner._portolan.'))).toBe('www.');
    expect(markerName(ROOT, ROOT)).toBe('_apex._owner._portolan.');
    expect(relativeLabel(ROOT, parseName('a.b.'))).toBe('a.b');
  });

  it('are not mistaken for each other', () => {
    for (const name of [
      'www',
      '_portolan',
      '_owner._portolan',
      'x._fence._portolan',
      'p1.www._pool._portolan',
    ])
      expect(markedName(ORIGIN, at(name))).toBeUndefined();
    // Nobody can own these: a marker there is somebody's forgery, and holds up no plan.
    for (const name of ['x._portolan._owner._portolan', '*._owner._portolan', '*.eu._owner._portolan'])
      expect(markedName(ORIGIN, at(name)), name).toBeUndefined();
    expect(pooledName(ORIGIN, at('p1.x._portolan._pool._portolan'))).toBeUndefined();
    expect(pooledName(ORIGIN, at('www._pool._portolan'))).toBeUndefined();
    expect(fenceName(ORIGIN, 'hub-1')).toBe('hub-1._fence._portolan.example.com.');
  });

  it('must fit: a hostname that leaves no room is refused with the reason', () => {
    const long = parseName(`${'a.'.repeat(118)}${ORIGIN}`);
    expect(() => markerName(ORIGIN, long)).toThrow(/too long to be published.*255/);
    expect(() => poolSuffix(ORIGIN, long)).toThrow(/too long/);
  });

  it('leave no hostname with two meanings', () => {
    for (const name of ['_apex', '_wildcard', '_wildcard.eu', 'www._owner._portolan', '_portolan'])
      expect(() => markerName(ORIGIN, at(name)), name).toThrow(/Portolan's own/);
    expect(() => markerName(ORIGIN, parseName('example.net.'))).toThrow(/does not lie in the zone/);
  });
});

describe('what belongs to an owned name', () => {
  const scope = { name: at('www'), types: ['A', 'CNAME'], below: [at('ns1.www')] as readonly DomainName[] };

  it.each<[string, string, boolean]>([
    ['www', 'A', true],
    ['www', 'TXT', false],
    ['p1.www._pool._portolan', 'AAAA', true],
    ['p1.api._pool._portolan', 'AAAA', false],
    ['ns1.www', 'A', true],
    ['ns1.www', 'TXT', false],
    ['other.www', 'A', false],
  ])('%s %s: %s', (label, type, belongs) => {
    expect(belongsTo(ORIGIN, set(label, type, 'x'), scope)).toBe(belongs);
  });
});
