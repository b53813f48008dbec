import { expect } from 'vitest';

/* Vitest's matchers for parts of a value, of a type that may stand in an object: theirs is `any`. */

export function containing(text: string): unknown {
  return expect.stringContaining(text);
}

export function matching(pattern: RegExp): unknown {
  return expect.stringMatching(pattern);
}

/** Any instance or primitive of this type. */
export function anyOf(type: unknown): unknown {
  return expect.any(type);
}
