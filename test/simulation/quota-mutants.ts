import type { QuotaReply, QuotaRequest } from '../../src/quota/messages.ts';
import type { Spoke } from '../../src/quota/spoke-contract.ts';
import { BANKS, type QuotaTableWriter, type QuotaTaker } from '../../src/quota/table-contract.ts';

/** Mistakes that the protocol must not have, each made around the modules as they are. */
export const MUTANTS = {
  'double-grant': 'a token that is granted twice',
  'lease-late': 'grants that are used when their lease is over',
  'lease-early': 'grants of a window that are used before it begins',
  'lost-spend': 'hits that are admitted and given back',
  'floor-twice': 'floors of which several agents have the same part',
  'floor-while-waived': 'a floor that is used while it is lent to others',
  'no-drift': 'clocks that are taken to go alike',
  'no-guard': 'windows that begin and end by a guess of the time',
  'no-quarantine': 'floors that are used at once by a new process',
  'add-back': 'tokens that are subtracted first and added back later',
  'late-refund': 'what answers give back of tokens that the hub heard to be spent',
  rollback: 'a store that shows what it had some time ago',
  'early-reply': 'replies that leave before what they say is durable',
  'merge-first': 'a session that is heard, and its leases renewed, before it is looked whether they are over',
  'two-hubs': 'two hubs that both may commit',
} as const;
export type Mutant = keyof typeof MUTANTS;

/** Every window but a month was over since then, and shares from the disk are good for longer. */
const LONG_AGO_MS = 1e8;

/** Where the world lets a mistake in. */
export interface Mutation {
  readonly name: Mutant | undefined;
  readonly drift?: number;
  table(table: QuotaTableWriter): QuotaTableWriter;
  taker(taker: QuotaTaker, writer: QuotaTableWriter): QuotaTaker;
  spoke(spoke: Spoke): Spoke;
  startMs(nowMs: number): number;
  reply(reply: QuotaReply): QuotaReply;
}

export function mutation(
  name: Mutant | undefined,
  random: () => number,
  after: (ms: number, action: () => void) => void,
): Mutation {
  return {
    name,
    ...(name === 'no-drift' ? { drift: 0 } : {}),
    table: (table) => wrongTable(name, table),
    taker: (taker, writer) => (name === 'add-back' ? hastyTaker(taker, writer, after) : taker),
    spoke: (spoke) =>
      name === 'lost-spend' || name === 'floor-while-waived' ? wrongSpoke(name, spoke) : spoke,
    startMs: (nowMs) => (name === 'no-quarantine' ? nowMs - LONG_AGO_MS : nowMs),
    reply: name === 'merge-first' ? tolerant() : (reply) => wrongReply(name, reply, random),
  };
}

function wrongTable(name: Mutant | undefined, table: QuotaTableWriter): QuotaTableWriter {
  if (name === 'late-refund') return around(table, { renew: (slot, bank) => table.tokens(slot, bank) });
  const early = name === 'lease-early' ? 300 : name === 'no-guard' ? 60 : 0;
  const late = name === 'lease-late' ? 3_000 : name === 'no-guard' ? 60 : 0;
  if (early === 0 && late === 0) return table;
  const wrong: Pick<QuotaTableWriter, 'fill' | 'extend'> = {
    fill: (slot, bank, tokens, fromMs, untilMs) =>
      bank === BANKS.floor || untilMs === 0
        ? table.fill(slot, bank, tokens, fromMs, untilMs)
        : table.fill(slot, bank, tokens, fromMs - early, untilMs + late),
    extend: (slot, bank, untilMs) => table.extend(slot, bank, untilMs + late),
  };
  return around(table, wrong);
}

/** Subtracts whether there is enough or not, and adds back a moment later, into whatever the bank is by then. */
function hastyTaker(
  taker: QuotaTaker,
  writer: QuotaTableWriter,
  after: (ms: number, action: () => void) => void,
): QuotaTaker {
  return around(taker, {
    take(slot, hits, nowMs) {
      const verdict = taker.take(slot, hits, nowMs);
      if (verdict === 0) return verdict;
      writer.add(slot, BANKS.even, -hits);
      after(30, () => writer.add(slot, BANKS.even, hits));
      return verdict;
    },
  });
}

function wrongSpoke(name: Mutant, spoke: Spoke): Spoke {
  return around(spoke, {
    request(nowMs: number): QuotaRequest | undefined {
      const request = spoke.request(nowMs);
      if (request === undefined) return undefined;
      if (name === 'lost-spend')
        return {
          ...request,
          entries: request.entries.map((entry) => ({
            ...entry,
            holdings: entry.holdings.map((holding) => ({
              ...holding,
              returned: holding.returned + Math.ceil(holding.spent / 2),
              spent: Math.floor(holding.spent / 2),
            })),
          })),
        };
      const { highMs } = spoke.describe(nowMs).hub ?? { highMs: 0 };
      return { ...request, waiver: { sinceMs: 0, untilMs: highMs + 60_000 } };
    },
  });
}

function wrongReply(name: Mutant | undefined, reply: QuotaReply, random: () => number): QuotaReply {
  if (name === 'floor-twice')
    return {
      ...reply,
      shares: reply.shares.map(({ scope, millionths }) => ({
        scope,
        millionths: Math.min(1_000_000, millionths * 3),
      })),
    };
  if (name !== 'double-grant') return reply;
  return {
    ...reply,
    entries: reply.entries.map((entry) => ({
      ...entry,
      holdings: entry.holdings.map((holding) =>
        random() < 0.3 && holding.granted > 0 ? { ...holding, granted: holding.granted + 1 } : holding,
      ),
    })),
  };
}

/** What the hub had granted holds on for a session that it gave up. */
function tolerant(): (reply: QuotaReply) => QuotaReply {
  const heard = new Map<string, QuotaReply>();
  return (reply) => {
    const before = heard.get(reply.session);
    if (reply.closed)
      return before === undefined
        ? reply
        : { ...reply, closed: false, shares: before.shares, entries: before.entries };
    const said = new Set(reply.entries.map(({ id }) => id));
    const others = before?.entries.filter(({ id }) => !said.has(id)) ?? [];
    heard.set(reply.session, { ...reply, entries: [...reply.entries, ...others] });
    return reply;
  };
}

/** The same but for some methods. */
function around<T extends object>(real: T, other: Partial<T>): T {
  return new Proxy(real, {
    get(target, name): unknown {
      const found: unknown = Reflect.get(other, name) ?? Reflect.get(target, name, target);
      if (typeof found !== 'function') return found;
      return (...args: unknown[]): unknown => Reflect.apply(found, target, args) as unknown;
    },
  });
}
