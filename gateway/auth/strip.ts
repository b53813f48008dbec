import type { Fields } from '../request.ts';
import { cookieOf, queryParameter } from './credentials.ts';

/** What a request loses on its way to the backend, or to somebody who is asked about it. */
export interface Stripped {
  /** Names in lower case. */
  readonly fields: readonly string[];
  readonly query: readonly string[];
  readonly cookies: readonly string[];
}

/** A query without these parameters, read as `findCredential` reads them; the rest stays as it was written. */
export function withoutParameters(query: string, names: readonly string[]): string {
  if (query === '' || names.length === 0) return query;
  const parts = query.split('&');
  const kept = parts.filter((part) => !names.some((name) => queryParameter(part, name) !== undefined));
  return kept.length === parts.length ? query : kept.join('&');
}

/** The value of a Cookie field without these cookies; empty when none is left. */
export function withoutCookies(value: string, names: readonly string[]): string {
  if (names.length === 0) return value;
  const parts = value.split(';');
  const kept = parts.filter((part) => !names.some((name) => cookieOf(['cookie', part], name) !== undefined));
  return kept.length === parts.length ? value : kept.join(';').trim();
}

/** Fields without credentials: for those who are asked about a request. */
export function withoutCredentials(fields: Fields, stripped: Stripped): Fields {
  const kept: string[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] ?? '';
    const value = fields[i + 1] ?? '';
    if (stripped.fields.includes(name)) continue;
    const left = name === 'cookie' ? withoutCookies(value, stripped.cookies) : value;
    if (name !== 'cookie' || left !== '') kept.push(name, left);
  }
  return kept;
}
