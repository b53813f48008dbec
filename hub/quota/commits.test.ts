import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { PortolanError } from '../../src/errors/error.ts';
import type { PageChange } from '../../src/quota/ledger-contract.ts';
import type { QuotaReply, QuotaRequest } from '../../src/quota/messages.ts';
import { until } from '../../test/support/until.ts';
import type { QuotaAudit } from '../store/contract.ts';
import { createLedgerCommits } from './commits.ts';

const octet = (n: number): Uint8Array => Uint8Array.of(n);

function requestOf(sentMs: number): QuotaRequest {
  return { session: 's', sentMs, ledger: '', budgets: 1, shares: [], names: [], entries: [] };
}

/** A ledger that writes down who asked, and a store whose writes a test lets through one by one. */
function world() {
  const log: string[] = [];
  let changes: PageChange[] = [];
  const ledger = {
    exchange(agent: string, request: QuotaRequest, nowMs: number): QuotaReply {
      log.push(`exchange ${agent} ${request.sentMs}`);
      changes.push({ page: agent, content: octet(request.sentMs) });
      const { session, sentMs } = request;
      return {
        session,
        sentMs,
        ledger: 'l',
        epoch: 1,
        hubMs: nowMs,
        closed: false,
        leaseMs: 1,
        intervalMs: 1,
        shares: [],
        entries: [],
        unknown: [],
      };
    },
    takeChanges() {
      const taken = changes;
      changes = [];
      return taken;
    },
  };
  const saves: {
    readonly pages: readonly string[];
    readonly audit: readonly QuotaAudit[];
    done: () => void;
    failed: (error: Error) => void;
  }[] = [];
  const fenced: string[] = [];
  const said: string[] = [];
  let now = 0;
  const commits = createLedgerCommits({
    ledger,
    store: {
      epoch: 3,
      saveQuota: (epoch, pages, clock, audit = []) =>
        new Promise((resolve, reject) => {
          log.push(`save ${epoch} ${pages.map(({ page, content }) => `${page}=${content?.[0]}`)} ${clock}`);
          saves.push({ pages: pages.map(({ page }) => page), audit, done: resolve, failed: reject });
        }),
    },
    nowMs: () => ++now,
    mark: () => 'mark',
    monotonicMs: () => performance.now(),
    breathe: () => setImmediate(),
    wait: (_ms, signal) => delay(1, undefined, { signal }).catch(() => undefined),
    onPages: () => undefined,
    onFenced: (error) => void fenced.push(error.code),
    log: { info: (_, text) => void said.push(text), warn: (_, text) => void said.push(text) },
  });
  const asker = (agentUid: string) => ({
    agentUid,
    reply: (reply: QuotaReply) => void log.push(`reply ${agentUid} ${reply.sentMs}`),
  });
  const saving = async (count: number) =>
    (await until(`save ${count}`, async () => saves[count - 1], 5_000, 1)).value;
  return { commits, log, saves, saving, asker, fenced, said };
}

describe('the commits of the ledger', () => {
  it('I20 takes what waits together, and answers when it is durable, never before', async () => {
    const { commits, log, saving, asker } = world();
    commits.ask(asker('a'), requestOf(1));
    commits.ask(asker('b'), requestOf(2));
    const first = await saving(1);
    expect(log).toEqual(['exchange a 1', 'exchange b 2', 'save 3 a=1,b=2 mark']);
    commits.ask(asker('c'), requestOf(3));
    await setImmediate();
    expect(log).toHaveLength(3);
    first.done();
    (await saving(2)).done();
    await until('the end', async () => commits.idle, 5_000, 1);
    expect(log.slice(3)).toEqual(['reply a 1', 'reply b 2', 'exchange c 3', 'save 3 c=3 mark', 'reply c 3']);
    expect(commits.stats).toMatchObject({ exchanges: 3, commits: 2, pagesWritten: 3, overtaken: 0 });
  });

  it('while the store is slow, only the newest request of an agent waits, and an agent that is gone has none', async () => {
    const { commits, log, saving, asker } = world();
    commits.ask(asker('a'), requestOf(1));
    const slow = await saving(1);
    const gone = asker('gone');
    commits.ask(gone, requestOf(1));
    for (let n = 2; n < 100; n += 1) for (const agent of ['a', 'b']) commits.ask(asker(agent), requestOf(n));
    expect(commits.waiting).toBe(3);
    commits.forget(gone);
    slow.done();
    (await saving(2)).done();
    await until('the end', async () => commits.idle, 5_000, 1);
    expect(log.slice(2)).toEqual([
      'reply a 1',
      'exchange a 99',
      'exchange b 99',
      'save 3 a=99,b=99 mark',
      'reply a 99',
      'reply b 99',
    ]);
  });

  it('keeps what a store did not take, tells of it once, and answers when it took it', async () => {
    const { commits, log, saving, asker, said } = world();
    commits.ask(asker('a'), requestOf(1));
    for (const n of [1, 2, 3])
      (await saving(n)).failed(new PortolanError('STORE_UNAVAILABLE', 'the disk is away'));
    commits.ask(asker('a'), requestOf(2));
    (await saving(4)).done();
    (await saving(5)).done();
    await until('the end', async () => commits.idle, 5_000, 1);
    const save = 'save 3 a=1 mark';
    expect(log).toEqual([
      'exchange a 1',
      ...[save, save, save, save],
      'reply a 1',
      'exchange a 2',
      'save 3 a=2 mark',
      'reply a 2',
    ]);
    expect(said).toHaveLength(2);
    expect(commits.stats).toMatchObject({ commitFailures: 3, commits: 2 });
  });

  it('I20 when another hub has the store, nobody is answered any more', async () => {
    const { commits, log, saving, asker, fenced } = world();
    commits.ask(asker('a'), requestOf(1));
    const wish = commits.change(() => 'done');
    const save = await saving(1);
    const late = commits.change(() => 'later');
    save.failed(new PortolanError('CONFLICT', 'another hub took over'));
    await expect(wish).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(late).rejects.toMatchObject({ code: 'CONFLICT' });
    commits.ask(asker('b'), requestOf(2));
    await expect(commits.change(() => 'never')).rejects.toMatchObject({ code: 'CONFLICT' });
    expect({ fenced, waiting: commits.waiting }).toEqual({ fenced: ['CONFLICT'], waiting: 0 });
    expect(log.filter((line) => line.startsWith('reply'))).toEqual([]);
  });

  it('what people change is told to them when it is durable, with its audit row in the same commit', async () => {
    const { commits, saving, saves } = world();
    const fact: QuotaAudit = {
      actor: { id: 'token/a', display: 'A' },
      verb: 'quota.reset',
      namespace: 'shop',
      name: 'customers',
      payload: 7,
    };
    let told: number | undefined;
    const changed = commits
      .change(
        () => 7,
        (hits) => ({ ...fact, payload: hits }),
      )
      .then((hits) => {
        told = hits;
      });
    const refused = commits.change(() => {
      throw new PortolanError('NOT_FOUND', 'no such key');
    });
    await expect(refused).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const save = await saving(1);
    expect(told).toBeUndefined();
    save.done();
    await changed;
    expect(told).toBe(7);
    expect(saves.map(({ audit }) => audit)).toEqual([[fact]]);
  });

  it('a change of nothing writes nothing', async () => {
    const { commits, saves } = world();
    await commits.change(() => undefined);
    expect(saves).toEqual([]);
  });

  it('ends although the store fails, and takes nothing afterwards', async () => {
    const { commits, saving, asker, log } = world();
    commits.ask(asker('a'), requestOf(1));
    const save = await saving(1);
    const ended = commits.close();
    save.failed(new PortolanError('STORE_UNAVAILABLE', 'the disk is away'));
    await ended;
    commits.ask(asker('a'), requestOf(2));
    await expect(commits.change(() => 1)).rejects.toMatchObject({ code: 'NOT_READY' });
    expect(log).toEqual(['exchange a 1', 'save 3 a=1 mark']);
  });

  it('other work of the hub goes on while many agents are answered', async () => {
    const { commits, saving, asker, log } = world();
    const busy = asker('busy');
    const slow = { ...busy, reply: () => undefined };
    for (let n = 0; n < 2_000; n += 1) commits.ask({ ...slow, agentUid: `agent-${n}` }, requestOf(n % 250));
    let turns = 0;
    const others = (async () => {
      while (!commits.idle) {
        turns += 1;
        await setImmediate();
      }
    })();
    for (let n = 1; log.filter((line) => line.startsWith('exchange')).length < 2_000; n += 1)
      (await saving(n)).done();
    (await saving(log.filter((line) => line.startsWith('save')).length)).done();
    await others;
    expect(turns).toBeGreaterThan(2);
    expect(commits.stats.exchanges).toBe(2_000);
  });
});
