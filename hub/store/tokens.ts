import { createHash, timingSafeEqual } from 'node:crypto';
import type { Kysely } from 'kysely';
import { z } from 'zod';
import { PortolanError } from '../../src/errors/error.ts';
import type { RoleBinding, TokenRecord } from './contract.ts';
import type { Tables, TokenRow } from './schema.ts';

const bindingsSchema = z.array(
  z.strictObject({ namespace: z.string(), role: z.enum(['admin', 'operator', 'viewer']) }),
);

/** Milliseconds since the Unix epoch. Throws VALIDATION_FAILED for anything but an RFC 3339 time. */
export function parseTime(text: string, field: string): number {
  const parsed = z.iso.datetime({ offset: true }).safeParse(text);
  if (parsed.success) return Date.parse(text);
  throw new PortolanError('VALIDATION_FAILED', `${field} is not an RFC 3339 time: ${JSON.stringify(text)}.`, {
    fix: 'Write it like 2026-01-31T12:00:00Z.',
  });
}

/** Takes the same time wherever the two differ, and whatever their lengths. */
export function equalSecrets(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text, 'utf8').digest();
  return timingSafeEqual(digest(a), digest(b));
}

export async function insertToken(
  tx: Kysely<Tables>,
  record: TokenRecord & { readonly secretSha256: string },
): Promise<void> {
  if (record.expiresAt !== undefined) parseTime(record.expiresAt, 'expiresAt');
  const result = await tx
    .insertInto('tokens')
    .values({
      id: record.id,
      display: record.display,
      bindings: JSON.stringify(record.bindings),
      secret_sha256: record.secretSha256,
      created_at: record.createdAt,
      expires_at: record.expiresAt ?? null,
      last_used_at: record.lastUsedAt ?? null,
    })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .executeTakeFirst();
  if (result.numInsertedOrUpdatedRows === 0n) {
    throw new PortolanError('ALREADY_EXISTS', `There is a token ${record.id} already.`);
  }
}

/** The token when the secret fits and it has not expired. */
export async function findToken(
  db: Kysely<Tables>,
  id: string,
  secretSha256: string,
  nowMs: number,
): Promise<TokenRecord | undefined> {
  const row = await db.selectFrom('tokens').selectAll().where('id', '=', id).executeTakeFirst();
  // An unknown id costs the same comparison as a wrong secret.
  const fits = equalSecrets(row?.secret_sha256 ?? '', secretSha256);
  if (row === undefined || !fits || row.secret_sha256 === '') return undefined;
  if (row.expires_at !== null && parseTime(row.expires_at, 'expiresAt') <= nowMs) return undefined;
  return recordOf(row);
}

export async function readTokens(db: Kysely<Tables>): Promise<readonly TokenRecord[]> {
  const rows = await db.selectFrom('tokens').selectAll().orderBy('created_at').orderBy('id').execute();
  return rows.map(recordOf);
}

export async function markTokenUsed(tx: Kysely<Tables>, id: string, now: string): Promise<void> {
  await tx.updateTable('tokens').set({ last_used_at: now }).where('id', '=', id).execute();
}

export async function deleteToken(tx: Kysely<Tables>, id: string): Promise<void> {
  const result = await tx.deleteFrom('tokens').where('id', '=', id).executeTakeFirst();
  if (result.numDeletedRows === 0n) {
    throw new PortolanError('NOT_FOUND', `There is no token ${id}.`, {
      fix: 'List them with `portolan token list`.',
    });
  }
}

function recordOf(row: TokenRow): TokenRecord {
  return {
    id: row.id,
    display: row.display,
    bindings: bindingsOf(row),
    createdAt: row.created_at,
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at }),
    ...(row.last_used_at === null ? {} : { lastUsedAt: row.last_used_at }),
  };
}

function bindingsOf(row: TokenRow): readonly RoleBinding[] {
  try {
    return bindingsSchema.parse(JSON.parse(row.bindings));
  } catch (cause) {
    throw new PortolanError('STORE_CORRUPT', `The roles of token ${row.id} are not readable.`, { cause });
  }
}
