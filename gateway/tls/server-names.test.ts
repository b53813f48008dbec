import { expect, it } from 'vitest';
import { ServerNames } from './server-names.ts';

const names = new ServerNames<string>();
for (const name of ['*.example.com', '*.a.example.com', 'b.example.com', 'b.example.com', undefined])
  names.add(name, name ?? 'any');

it.each([
  ['b.example.com', 'b.example.com'],
  ['c.example.com', '*.example.com'],
  ['x.y.example.com', '*.example.com'],
  ['x.a.example.com', '*.a.example.com'],
  ['a.example.com', '*.example.com'],
  ['example.com', 'any'],
  ['notexample.com', 'any'],
  ['.example.com', 'any'],
  ['', 'any'],
])('%s is found by %s', (host, expected) => {
  expect(names.find(host)).toBe(expected);
});

it('without one for every host, a client that names no server gets the first', () => {
  const strict = new ServerNames<string>();
  expect(strict.unnamed).toBeUndefined();
  strict.add('a.example', 'a');
  strict.add('b.example', 'b');
  expect(strict.unnamed).toBe('a');
  expect(names.unnamed).toBe('any');
  expect(strict.find('c.example')).toBeUndefined();
});
