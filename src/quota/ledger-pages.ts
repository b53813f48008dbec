import { Buffer } from 'node:buffer';
import { z } from 'zod';
import { PortolanError } from '../errors/error.ts';
import type { AgentRecord } from './ledger-floors.ts';
import type { BudgetRecord, Entry, Holding, KeyRecord, Session } from './ledger-state.ts';
import type { PageReader, PageWriter } from './page-bytes.ts';

/*
 * What the ledger's pages hold. Rare ones (budgets, agents, sessions) are JSON; entries and keys, of which there may be a million, are
 * rows of whole numbers.
 */

/** Of an agent's numbers in one page of entries. */
export const ENTRIES = 64;
/** Keys in one page: 2 to this power. */
export const KEY_BITS = 5;

const MetaSchema = z.object({
  format: z.literal(1),
  id: z.string(),
  sessions: z.number(),
  pausedUntilMs: z.number(),
});
const SessionSchema = z.object({ agent: z.string(), session: z.string() });
const GoneSchema = z.array(z.tuple([z.string(), z.object({ millionths: z.number(), untilMs: z.number() })]));
const ShareSchema = z.object({ counted: z.number(), sinceMs: z.number(), before: z.number() });
const WaiverSchema = z.object({ sinceMs: z.number(), untilMs: z.number() });
const AgentSchema = z.object({
  name: z.string(),
  heardMs: z.number(),
  version: z.number(),
  newest: z.string(),
  shares: z.record(z.string(), ShareSchema),
  closed: z.array(z.string()),
  waiver: WaiverSchema.exactOptional(),
  kept: z.array(WaiverSchema).default([]),
});
const WindowSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('length'), ms: z.number() }),
  z.object({
    type: z.literal('calendar'),
    unit: z.enum(['day', 'week', 'month', 'year', 'eternity']),
    timeZone: z.string(),
  }),
]);
const BudgetSchema = z.object({
  id: z.string(),
  scope: z.string(),
  algorithm: z.enum(['fixed-window', 'sliding-window', 'token-bucket']),
  limit: z.number(),
  window: WindowSchema,
  burst: z.number().exactOptional(),
  floorShare: z.number(),
  allocation: z.enum(['proportional', 'fair']),
  waits: z.boolean(),
});
const FormerSchema = z.object({
  all: z.number(),
  allBurst: z.number(),
  version: z.number(),
  untilMs: z.number().nullable(),
});
const BudgetPageSchema = z.object({ budget: BudgetSchema, former: FormerSchema.exactOptional() });

export function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value), 'utf8');
}

export function metaPage(meta: Omit<z.infer<typeof MetaSchema>, 'format'>): Uint8Array {
  return json({ format: 1, ...meta });
}

export function readMeta(bytes: Uint8Array | undefined): z.infer<typeof MetaSchema> {
  return parsed(MetaSchema, bytes, 'meta');
}

export function readGone(bytes: Uint8Array | undefined): z.infer<typeof GoneSchema> {
  return bytes === undefined ? [] : parsed(GoneSchema, bytes, 'gone');
}

export function sessionPage(session: Session): Uint8Array {
  return json({ agent: session.agent.name, session: session.name });
}

export function readSession(bytes: Uint8Array): z.infer<typeof SessionSchema> {
  return parsed(SessionSchema, bytes, 'session');
}

export function budgetPage(record: BudgetRecord | undefined): Uint8Array | undefined {
  if (record === undefined) return undefined;
  const { former } = record;
  return json({
    budget: BudgetSchema.parse(record.budget),
    ...(former === undefined ? {} : { former: { ...former, untilMs: former.untilMs ?? null } }),
  });
}

export function readBudget(bytes: Uint8Array): Pick<BudgetRecord, 'budget' | 'former'> {
  const { budget, former } = parsed(BudgetPageSchema, bytes, 'budget');
  return {
    budget,
    former: former === undefined ? undefined : { ...former, untilMs: former.untilMs ?? undefined },
  };
}

export function agentPage(agent: AgentRecord | undefined): Uint8Array | undefined {
  if (agent === undefined) return undefined;
  const { name, heardMs, version, newest, closed, waiver, kept } = agent;
  const shares = Object.fromEntries(
    [...agent.shares].map(([scope, { counted, sinceMs, before }]) => [scope, { counted, sinceMs, before }]),
  );
  return json({
    name,
    heardMs,
    version,
    newest,
    shares,
    closed,
    ...(waiver === undefined ? {} : { waiver }),
    ...(kept.length === 0 ? {} : { kept }),
  });
}

/** It is absent until the configuration names it. */
export function readAgent(bytes: Uint8Array): AgentRecord {
  const { name, heardMs, version, newest, shares, closed, waiver, kept } = parsed(
    AgentSchema,
    bytes,
    'agent',
  );
  return {
    name,
    scopes: [],
    present: false,
    heardMs,
    version,
    waiver,
    kept,
    shares: new Map(
      Object.entries(shares).map(([scope, share]) => [scope, { ...share, lowering: undefined }]),
    ),
    sessions: new Map(),
    newest,
    closed,
  };
}

/** Undefined: none of the session's numbers in this block is in use. */
export function entriesPage(session: Session, block: number, page: PageWriter): Uint8Array | undefined {
  let any = false;
  for (let id = block * ENTRIES; id < (block + 1) * ENTRIES; id += 1) {
    const entry = session.entries.get(id);
    if (entry === undefined) continue;
    any = true;
    writeEntry(entry, block, page);
  }
  return any ? page.take() : undefined;
}

function writeEntry(entry: Entry, block: number, page: PageWriter): void {
  page.whole(entry.id - block * ENTRIES);
  page.whole(entry.key.number);
  page.whole(entry.holdings.length);
  for (const { startMs, granted, returned, spent } of entry.holdings) {
    page.whole(startMs);
    page.whole(granted);
    page.whole(returned);
    page.whole(spent);
  }
}

export function readEntry(
  page: PageReader,
  block: number,
): { readonly id: number; readonly key: number; readonly holdings: readonly Holding[] } {
  const id = block * ENTRIES + page.whole();
  const key = page.whole();
  const holdings = Array.from({ length: page.whole() }, () => ({
    startMs: page.whole(),
    granted: page.whole(),
    returned: page.whole(),
    spent: page.whole(),
  }));
  return { id, key, holdings };
}

export function keysPage(
  at: (number: number) => KeyRecord | undefined,
  block: number,
  page: PageWriter,
): Uint8Array | undefined {
  let any = false;
  for (let slot = 0; slot < 2 ** KEY_BITS; slot += 1) {
    const key = at(block * 2 ** KEY_BITS + slot);
    if (key === undefined) continue;
    any = true;
    page.whole(slot);
    page.whole(key.budget.number);
    page.text(key.text);
    page.whole(key.override === undefined ? 0 : key.override.limit + 1);
    page.real(key.override?.untilMs ?? 0);
    key.pool.write(page);
  }
  return any ? page.take() : undefined;
}

/** The head of a key; what its pool wrote follows. */
export function readKey(
  page: PageReader,
  block: number,
): Pick<KeyRecord, 'number' | 'text' | 'override'> & { readonly budget: number } {
  const number = block * 2 ** KEY_BITS + page.whole();
  const budget = page.whole();
  const text = page.text();
  const limit = page.whole();
  const untilMs = page.real();
  return { number, budget, text, override: limit === 0 ? undefined : { limit: limit - 1, untilMs } };
}

export function damaged(page: string, cause?: unknown): PortolanError {
  return new PortolanError(
    'STORE_CORRUPT',
    `the page ${page} of the quota ledger does not fit to the others`,
    cause === undefined ? {} : { cause },
  );
}

function parsed<T>(schema: z.ZodType<T>, bytes: Uint8Array | undefined, page: string): T {
  try {
    return schema.parse(JSON.parse(Buffer.from(bytes ?? new Uint8Array()).toString('utf8')));
  } catch (error) {
    throw damaged(page, error);
  }
}
