import { createHash } from 'node:crypto';

/** Longer keys are shortened: callers choose them, and hub and agents keep them. */
export const MAX_KEY = 256;
/** Of a shortened one, what people still see. */
const SHOWN = 64;
/** What separates values, escapes, or would move the cursor of whoever lists keys. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
const SPECIAL = /[%,\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;
const EVERY_SPECIAL = new RegExp(SPECIAL.source, 'gu');

/**
 * The key that the values of a limit's counters make: `acme`, or `acme,GET` of two counters. Different values make different keys. Empty
 * without counters.
 */
export function budgetKey(values: readonly string[]): string {
  let key = '';
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] ?? '';
    if (i > 0) key += ',';
    key += SPECIAL.test(value) ? value.replaceAll(EVERY_SPECIAL, encoded) : value;
  }
  return key.length <= MAX_KEY ? key : shortened(key);
}

function encoded(character: string): string {
  return encodeURIComponent(character).replaceAll(',', '%2C');
}

/** No other key ends like this but by a collision of SHA-256. */
function shortened(key: string): string {
  return `${key.slice(0, SHOWN)}%~${createHash('sha256').update(key).digest('base64url')}`;
}
