import {
  type OutboundGuard,
  type Provider,
  type ProviderClock,
  ProviderError,
  type ProviderKind,
  type ProviderZone,
} from '../../providers/contract.ts';
import { deferred } from '../../src/async/deferred.ts';
import type { DomainName } from '../../src/dns/name.ts';
import type { DnsProviderSpec } from '../../src/resources/dns-provider.ts';
import type { Account } from './account.ts';
import { asPortolanError } from './failures.ts';

/** Which zone of an account is meant. */
export type WantedZone = DnsProviderSpec['zones'][number];

/** A DNSProvider as it is connected to its account: opened at the first use, its list of zones read once. */
export interface Connection {
  readonly kind: ProviderKind;
  readonly account: Account;
  provider(): Promise<Provider>;
  /** Zones that the account sees. With `fresh` it is asked again. */
  zones(options?: { readonly fresh: boolean }): Promise<readonly ProviderZone[]>;
  /** The list of zones is read again at the next use: one of it is not there. */
  forgetZones(): void;
  /** @throws ProviderError `gone` when there is none, `invalid` when several are meant */
  locate(wanted: WantedZone): Promise<ProviderZone>;
  /** Runs one operation for a zone with a limit in time, counts its outcome, and tells the account of throttling. */
  operate<T>(
    operation: Operation,
    zone: string,
    run: (signal: AbortSignal) => Promise<T>,
    /** A shorter limit than the operation's own, milliseconds. */
    limitMs?: number,
  ): Promise<T>;
  close(): Promise<void>;
}

/**
 * What the hub does with a provider, and how long each may take; milliseconds. A throttled account's pauses are in it, and a provider that takes 30 s
 * for every answer: twenty of them, where one that is dead is noticed by the limit of its request.
 */
const LIMITS = {
  zones: 600_000,
  read: 600_000,
  // Route 53 says INSYNC after a minute at most; waits for a turn come on top.
  apply: 600_000,
  aids: 600_000,
  check: 300_000,
} as const;
export type Operation = keyof typeof LIMITS;

export interface ConnectionOptions {
  readonly kind: ProviderKind;
  readonly account: Account;
  /** `namespace/name`. */
  readonly name: string;
  readonly owner: string;
  readonly spec: DnsProviderSpec;
  readonly secret: Readonly<Record<string, string>>;
  readonly ca: string | undefined;
  readonly guard: OutboundGuard;
  readonly clock: ProviderClock;
  readonly random: () => number;
  readonly count: (operation: Operation, outcome: string) => void;
  /** Aborted when nothing may be done any more. */
  readonly signal: AbortSignal;
}

export function createConnection(options: ConnectionOptions): Connection {
  const { kind, account, name, clock } = options;
  let opened: Promise<Provider> | undefined;
  let listed: Promise<readonly ProviderZone[]> | undefined;
  const closed = new AbortController();
  const ended = AbortSignal.any([options.signal, closed.signal]);

  function open(): Promise<Provider> {
    opened ??= kind
      .open({
        spec: options.spec,
        secret: options.secret,
        ...(options.ca === undefined ? {} : { ca: options.ca }),
        name,
        owner: options.owner,
        guard: options.guard,
        turn: account.turn(name),
        clock,
        random: options.random,
      })
      .catch((thrown: unknown) => {
        // The next one tries again: a file of credentials may have come meanwhile.
        opened = undefined;
        throw thrown;
      });
    return opened;
  }

  async function operate<T>(
    operation: Operation,
    zone: string,
    run: (signal: AbortSignal) => Promise<T>,
    limitMs: number = LIMITS[operation],
  ): Promise<T> {
    ended.throwIfAborted();
    const limit = new AbortController();
    const timer = new AbortController();
    clock.wait(limitMs, timer.signal).then(
      () =>
        limit.abort(
          new ProviderError(
            operation === 'apply' ? 'ambiguous' : 'transient',
            `${name} did not finish within ${limitMs / 1000} s`,
          ),
        ),
      () => undefined,
    );
    const signal = AbortSignal.any([ended, limit.signal]);
    const given = deferred<never>();
    // Nobody may be listening any more when it comes.
    given.promise.catch(() => undefined);
    const giveUp = (): void => given.reject(signal.reason);
    signal.addEventListener('abort', giveUp);
    let outcome = 'ok';
    try {
      const result = await account.onBehalfOf(zone, () => Promise.race([run(signal), given.promise]));
      account.succeeded();
      return result;
    } catch (thrown) {
      outcome = thrown instanceof ProviderError ? thrown.failure : asPortolanError(thrown).code;
      throw thrown;
    } finally {
      timer.abort();
      // A signal made of others is kept for as long as they are while somebody listens to it.
      signal.removeEventListener('abort', giveUp);
      options.count(operation, outcome);
    }
  }

  function zones({ fresh } = { fresh: false }): Promise<readonly ProviderZone[]> {
    if (fresh) listed = undefined;
    listed ??= operate('zones', name, async (signal) => (await open()).zones(signal)).catch(
      (thrown: unknown) => {
        listed = undefined;
        throw thrown;
      },
    );
    return listed;
  }

  return {
    kind,
    account,
    provider: open,
    zones,
    forgetZones() {
      listed = undefined;
    },
    async locate(wanted) {
      const known = pick(await zones(), wanted);
      const found = known.length > 0 ? known : pick(await zones({ fresh: true }), wanted);
      const [zone, another] = found;
      if (zone === undefined)
        throw new ProviderError('gone', `${name} has no ${describe(wanted)} zone ${wanted.origin}`, {
          fix: `Create it there, or correct \`spec.zones\`: \`portolan zone list --provider ${name.split('/')[1] ?? ''}\` shows what the account has.`,
        });
      if (another !== undefined)
        throw new ProviderError(
          'invalid',
          `${name} has several zones ${wanted.origin}: ${found.map((z) => z.id).join(', ')}`,
          { fix: 'Write which one as `id` in `spec.zones`.' },
        );
      return zone;
    },
    operate,
    async close() {
      closed.abort(new ProviderError('transient', `${name} was closed`));
      const provider = await opened?.catch(() => undefined);
      await provider?.close();
    },
  };
}

function pick(zones: readonly ProviderZone[], wanted: WantedZone): readonly ProviderZone[] {
  const origin: DomainName = wanted.origin;
  return zones.filter(
    (zone) =>
      zone.origin === origin &&
      zone.private === wanted.private &&
      (wanted.id === undefined || zone.id === wanted.id),
  );
}

function describe(wanted: WantedZone): string {
  return `${wanted.private ? 'private' : 'public'}${wanted.id === undefined ? '' : ` (${wanted.id})`}`;
}
