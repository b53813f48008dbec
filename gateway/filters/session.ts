import type { CompiledSessionPersistence } from '../../src/policy/model.ts';
import { fieldOf, type GatewayRequest } from '../request.ts';

/** Value of a cookie in a Cookie field, without quotes; undefined when it is not there. */
export function cookieOf(cookies: string, name: string): string | undefined {
  for (const pair of cookies.split(';')) {
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === name) {
      const value = pair.slice(equals + 1).trim();
      return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
    }
  }
  return undefined;
}

/** A Cookie field without these; empty when nothing is left. */
export function withoutCookies(cookies: string, names: readonly string[]): string {
  return cookies
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => !names.includes((pair.split('=', 1)[0] ?? '').trim()))
    .join('; ');
}

/** The session a client brought. */
export function sessionOf(
  persistence: CompiledSessionPersistence,
  request: GatewayRequest,
): string | undefined {
  if (persistence.type === 'header') return fieldOf(request.fields, persistence.name.toLowerCase());
  const cookies = fieldOf(request.fields, 'cookie');
  return cookies === undefined ? undefined : cookieOf(cookies, persistence.name);
}

/** Field that gives the client its session (GEP-1619; RFC 6265 §4.1). */
export function sessionField(
  persistence: CompiledSessionPersistence,
  value: string,
  secure: boolean,
): readonly [name: string, value: string] {
  if (persistence.type === 'header') return [persistence.name.toLowerCase(), value];
  const age =
    persistence.lifetime === 'permanent' && persistence.absoluteTimeoutMs !== undefined
      ? `; Max-Age=${Math.ceil(persistence.absoluteTimeoutMs / 1000)}`
      : '';
  return [
    'set-cookie',
    `${persistence.name}=${value}; Path=/${age}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`,
  ];
}
