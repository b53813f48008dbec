import { Duration } from '@marcbachmann/cel-js/evaluator';

/**
 * The JSON form of a value that an expression gave: whole numbers beyond 2^53 as text, instants as RFC 3339, durations as seconds
 * with `s` (proto3 JSON), octets as base64. What has no JSON form (the `request` object itself) is null.
 */
export function celJson(value: unknown): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : null;
    case 'bigint':
      return BigInt(Number(value)) === value && Number.isSafeInteger(Number(value))
        ? Number(value)
        : `${value}`;
    case 'object':
      return jsonOfObject(value);
    default:
      return null;
  }
}

/** The text of a value, for a header field or a URL: text as it is, everything else as JSON; `null`: nothing to say. */
export function celText(value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  const json = celJson(value);
  if (typeof json === 'string') return json;
  return json === null ? undefined : JSON.stringify(json);
}

function jsonOfObject(value: object | null): unknown {
  if (value === null) return null;
  // Added up beyond what a date can be.
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Duration) return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value) || value instanceof Set) return Array.from(value, celJson);
  const entries = value instanceof Map ? [...value.entries()] : plainEntries(value);
  return entries === undefined ? null : Object.fromEntries(entries.map(([k, v]) => [String(k), celJson(v)]));
}

function plainEntries(value: object): readonly [string, unknown][] | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype ? Object.entries(value) : undefined;
}
