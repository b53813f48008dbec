import { expect, it } from 'vitest';
import { readable } from './readable-json.ts';

it.each([
  ['30000', '30000'],
  ['"json"', 'json'],
  ['{}', 'as the product has it'],
  ['{"requestMs":5000,"headMs":60000}', 'requestMs: 5000, headMs: 60000'],
  [
    '{"name":"key","when":[],"method":{"type":"apiKey","credentials":[{"in":"header","name":"x-api-key"}],"labels":{}}}',
    'name: key, method: (type: apiKey, credentials: (in: header, name: x-api-key))',
  ],
  ['{"server":null,"on":false}', 'on: false'],
  ['{"cut":"of…', '{"cut":"of…'],
])('%s reads as %s', (json, text) => {
  expect(readable(json)).toBe(text);
});
