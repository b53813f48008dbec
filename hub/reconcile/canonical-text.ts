import { createHash } from 'node:crypto';
import { canonicalJson } from '../../src/identity/canonical-json.ts';

const texts = new WeakMap<object, string>();
const digests = new WeakMap<object, string>();

/** Canonical JSON of an immutable value, written once as long as the value lives: on a change most of the world is the same. */
export function canonicalTextOf(value: object): string {
  let text = texts.get(value);
  if (text === undefined) {
    text = canonicalJson(value);
    texts.set(value, text);
  }
  return text;
}

/** Hex SHA-256 of an immutable value's canonical JSON, computed once. */
export function digestOf(value: object): string {
  let digest = digests.get(value);
  if (digest === undefined) {
    digest = createHash('sha256').update(canonicalJson(value)).digest('hex');
    digests.set(value, digest);
  }
  return digest;
}
