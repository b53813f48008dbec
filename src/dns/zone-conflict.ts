import type { FieldViolation } from '../errors/error.ts';

/** Records that cannot stand where they are, beside or below what else the zone has. */
export function conflict(path: string, message: string, fix: string): FieldViolation {
  return { path, code: 'DNS_RECORD_CONFLICT', message, fix };
}
