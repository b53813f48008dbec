import { isObject } from '../outbound/json.ts';

/** What stands at a path of a claim set, such as `realm_access.roles`. A claim whose own name has dots is found first. */
export function claimAt(claims: Readonly<Record<string, unknown>>, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  let value: unknown = claims;
  for (const name of path.split('.')) {
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}

/** A list of names: an array of texts, or text with spaces between (RFC 8693 section 4.2). */
export function namesIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return value.split(' ').filter((name) => name !== '');
  if (!Array.isArray(value)) return [];
  return value.filter((name): name is string => typeof name === 'string');
}

/** All names at these paths, each once. */
export function namesAt(
  claims: Readonly<Record<string, unknown>>,
  paths: readonly string[],
): readonly string[] {
  if (paths.length === 0) return [];
  return [...new Set(paths.flatMap((path) => namesIn(claimAt(claims, path))))];
}

/** True when one of `audiences` is in `aud` (text or list), or none is asked for. */
export function audienceFits(aud: unknown, audiences: readonly string[]): boolean {
  if (audiences.length === 0) return true;
  const given = typeof aud === 'string' ? [aud] : namesIn(aud);
  return audiences.some((audience) => given.includes(audience));
}
