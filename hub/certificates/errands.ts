import type { CertificateRecord, WantedCertificate } from '../../src/certificates/model.ts';
import { chooseRenewal, nextAriCheck } from '../../src/certificates/renewal.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { ObjectKey } from '../reconcile/objects.ts';
import { AcmeError } from './acme/error.ts';
import type { CertificateBook } from './book.ts';
import { withEntry } from './order-record.ts';
import type { CertificateNews, Issuers } from './parts.ts';

/*
 * What is asked of CAs about certificates that are there: when to renew them, and that they are revoked.
 */

export interface Errands {
  /** Starts what is due for it, if there is room. @returns when something will be, milliseconds since 1970 */
  consider(
    record: CertificateRecord,
    wanted: WantedCertificate | undefined,
    ariCheckAtMs: number | undefined,
    nowMs: number,
  ): number;
  close(): Promise<void>;
}

/** At one Issuer at a time. */
const AT_ONCE = 4;
const AGAIN_MS = 60_000;
const MAX_AGAIN_MS = 3_600_000;
/** A CA that has no renewal information may get it. */
const NO_ARI_MS = 86_400_000;
/** Nothing rests for longer: a clock that was ahead said so. */
const LONGEST_REST_MS = 2 * NO_ARI_MS;
const STORE_CODES: ReadonlySet<string> = new Set(['CONFLICT', 'DISK_FULL', 'STORE_UNAVAILABLE']);

export function createErrands(options: {
  readonly book: CertificateBook;
  readonly open: Issuers['open'];
  readonly wallMs: () => number;
  readonly news: CertificateNews;
  readonly onDone: () => void;
  readonly onStoreFailed: (error: PortolanError) => void;
  readonly log: { warn(details: object, message: string): void };
}): Errands {
  const { book, open, wallMs, news, log } = options;
  const closing = new AbortController();
  const running = new Map<string, Promise<void>>();
  const busy = new Map<ObjectKey, number>();
  /** What failed, or has nothing to say: not before this. */
  const later = new Map<string, { readonly atMs: number; readonly failed: number }>();

  function start(what: string, issuer: ObjectKey, work: () => Promise<void>): boolean {
    const count = busy.get(issuer) ?? 0;
    if (running.has(what) || count >= AT_ONCE) return false;
    busy.set(issuer, count + 1);
    const ended = work()
      .then(() => {
        if ((later.get(what)?.failed ?? 0) > 0) later.delete(what);
      })
      .catch((thrown: unknown) => {
        if (closing.signal.aborted) return;
        const error = PortolanError.from(thrown);
        if (STORE_CODES.has(error.code)) options.onStoreFailed(error);
        const failed = (later.get(what)?.failed ?? 0) + 1;
        later.set(what, { atMs: wallMs() + Math.min(AGAIN_MS * 2 ** (failed - 1), MAX_AGAIN_MS), failed });
        log.warn({ err: error, issuer }, `${what} is tried again`);
      })
      .then(() => {
        running.delete(what);
        busy.set(issuer, (busy.get(issuer) ?? 1) - 1);
        options.onDone();
      });
    running.set(what, ended);
    return true;
  }

  async function askWindow(id: string, wanted: WantedCertificate, issuerKey: ObjectKey): Promise<void> {
    const ariId = book.get(id)?.current?.ariId;
    if (ariId === undefined) return;
    const { client } = await open(issuerKey);
    const { hasRenewalInfo } = await client.directory(closing.signal);
    const info = hasRenewalInfo ? await client.renewalInfo(ariId, closing.signal) : undefined;
    const nowMs = wallMs();
    await book.write(id, (record) => {
      const current = record?.current;
      if (record === undefined || current?.ariId !== ariId) return record;
      // None: its window stays that of its lifetime, and is asked for again some day.
      const startMs = info?.startMs ?? record.ari?.startMs;
      const endMs = info?.endMs ?? record.ari?.endMs;
      if (startMs === undefined || endMs === undefined) {
        later.set(ariOf(id), { atMs: nowMs + NO_ARI_MS, failed: 0 });
        return record;
      }
      const ari = {
        startMs,
        endMs,
        ...(info?.explanationUrl === undefined ? {} : { explanationUrl: info.explanationUrl }),
        nextCheckAtMs: nextAriCheck({ id, ...current }, info?.retryAfterMs ?? NO_ARI_MS, nowMs),
      };
      return { ...record, ari, current: { ...current, renewAtMs: chooseRenewal(wanted, current, ari).atMs } };
    });
  }

  async function revoke(id: string): Promise<void> {
    const asked = book.get(id)?.revoking;
    if (asked === undefined) return;
    const { client } = await open(asked.issuer);
    try {
      await client.revoke(Buffer.from(asked.certificateDer, 'base64'), asked.reason, closing.signal);
    } catch (thrown) {
      // Somebody was faster, or our own request of before a crash.
      if (!(thrown instanceof AcmeError) || thrown.problem.type !== 'alreadyRevoked') throw thrown;
    }
    const nowMs = wallMs();
    const record = await book.write(id, (before) => {
      if (before?.revoking?.serial !== asked.serial) return before;
      const { revoking: _revoking, current, ...rest } = before;
      const isCurrent = current?.serial === asked.serial;
      return {
        ...rest,
        ...(current === undefined
          ? {}
          : { current: isCurrent ? { ...current, revokedAtMs: nowMs } : current }),
        history: withEntry(before.history, {
          atMs: nowMs,
          event: 'revoked',
          issuer: asked.issuer,
          names: current?.names ?? [],
          serial: asked.serial,
        }),
      };
    });
    if (record !== undefined) news.revoked?.(record);
  }

  const restOf = (atMs: number, nowMs: number): number => (atMs > nowMs + LONGEST_REST_MS ? nowMs : atMs);
  const ariOf = (id: string): string => `renewal information of ${id}`;

  return {
    consider(record, wanted, ariCheckAtMs, nowMs) {
      if (closing.signal.aborted) return Number.POSITIVE_INFINITY;
      const { id, current, revoking } = record;
      let nextMs = Number.POSITIVE_INFINITY;
      if (revoking !== undefined && (!revoking.afterReplacement || current?.serial !== revoking.serial)) {
        const what = `revoking ${revoking.serial} of ${id}`;
        const atMs = restOf(later.get(what)?.atMs ?? nowMs, nowMs);
        if (atMs > nowMs) nextMs = atMs;
        else start(what, revoking.issuer, () => revoke(id));
      }
      if (ariCheckAtMs === undefined || wanted === undefined || current === undefined) return nextMs;
      const atMs = restOf(Math.max(ariCheckAtMs, later.get(ariOf(id))?.atMs ?? 0), nowMs);
      if (atMs > nowMs) return Math.min(nextMs, atMs);
      start(ariOf(id), current.issuer, () => askWindow(id, wanted, current.issuer));
      return nextMs;
    },
    async close() {
      closing.abort(new PortolanError('INTERNAL', 'the hub stops'));
      await Promise.all(running.values());
    },
  };
}
