import { z } from 'zod';
import { messageOf, PortolanError } from '../src/errors/error.ts';
import type { KubeClient, KubeObject, KubeResource, LeaseElection } from './contract.ts';
import { microTime } from './micro-time.ts';

export const LEASES: KubeResource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
};

export interface LeaseElectionOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  /** Of this process alone, also after a restart: who has the identity of a holder takes its Lease at once. */
  readonly identity: string;
  /** How long the others wait after the last renewal that they saw. Default 15. */
  readonly leaseSeconds?: number;
  /** A holder that could not renew for so long stops to lead: less than `leaseSeconds`, so that clocks may run apart. Default 10. */
  readonly renewDeadlineSeconds?: number;
  /** Between two tries. Default 2. */
  readonly retrySeconds?: number;
  /**
   * It leads from now on, or no longer: one after the other, and `close` waits for what it began before it gives the Lease back. Renewals go on
   * meanwhile, so ask `leads` again after each wait. Must not reject.
   */
  readonly onChange: (leads: boolean) => void | Promise<void>;
  /** Why the last try failed; undefined: it did not. Told when it changes. */
  readonly onProblem?: (problem: string | undefined) => void;
  readonly monotonicMs: () => number;
  /** Only for the times that people read in the Lease. */
  readonly now: () => Date;
  readonly after: (delayMs: number, task: () => void) => () => void;
  readonly random: () => number;
}

const leaseSpec = z.looseObject({
  holderIdentity: z.string().nullish(),
  leaseDurationSeconds: z.number().int().nullish(),
  renewTime: z.string().nullish(),
  acquireTime: z.string().nullish(),
  leaseTransitions: z.number().int().nullish(),
});
type LeaseSpec = z.output<typeof leaseSpec>;

/** Tries to acquire are drawn apart by up to this much of `retrySeconds`. */
const JITTER = 1.2;

/**
 * A Lease as client-go's leader election keeps it: who holds it renews it, who sees no renewal for its duration by the own clock takes it. The times in
 * it are never compared with a clock, and `metadata.resourceVersion` decides between two that write at once.
 */
export function createLeaseElection(options: LeaseElectionOptions): LeaseElection {
  const leaseMs = (options.leaseSeconds ?? 15) * 1_000;
  const deadlineMs = (options.renewDeadlineSeconds ?? 10) * 1_000;
  const retryMs = (options.retrySeconds ?? 2) * 1_000;
  if (deadlineMs >= leaseMs || retryMs * JITTER >= deadlineMs)
    throw new RangeError('leaseSeconds > renewDeadlineSeconds > 1.2 × retrySeconds');
  return new Election(options, { leaseMs, deadlineMs, retryMs });
}

interface Times {
  readonly leaseMs: number;
  readonly deadlineMs: number;
  readonly retryMs: number;
}

interface Observed {
  readonly object: KubeObject;
  readonly spec: LeaseSpec;
  /** When this version was first seen, by the own clock. */
  readonly sinceMs: number;
}

class Election implements LeaseElection {
  readonly #options: LeaseElectionOptions;
  readonly #times: Times;
  #observed: Observed | undefined;
  /** Start of the last request that renewed; undefined: not held. */
  #renewedMs: number | undefined;
  #told = false;
  #telling = Promise.resolve();
  #problem: string | undefined;
  #closed = false;
  #cancelDeadline: (() => void) | undefined;
  #wake: (() => void) | undefined;
  #running: Promise<void> | undefined;

  constructor(options: LeaseElectionOptions, times: Times) {
    this.#options = options;
    this.#times = times;
  }

  /** By the clock, so that a process that was stopped for a while does not believe what its timers have not told it yet. */
  get leads(): boolean {
    return (
      this.#renewedMs !== undefined && this.#options.monotonicMs() - this.#renewedMs < this.#times.deadlineMs
    );
  }

  get holder(): string | undefined {
    const holder = this.#observed?.spec.holderIdentity;
    return holder === undefined || holder === null || holder === '' ? undefined : holder;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wake?.();
    await this.#running;
    const held = this.#renewedMs !== undefined && this.holder === this.#options.identity;
    this.#cancelDeadline?.();
    this.#renewedMs = undefined;
    this.#tell();
    await this.#telling;
    if (held) await this.#release();
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const startedMs = this.#options.monotonicMs();
      const renewed = await this.#try(startedMs);
      if (renewed) this.#renewed(startedMs);
      this.#tell();
      if (this.#closed) return;
      const { retryMs } = this.#times;
      await this.#rest(this.leads ? retryMs : retryMs * (1 + this.#options.random() * JITTER));
    }
  }

  #renewed(startedMs: number): void {
    this.#renewedMs = startedMs;
    this.#cancelDeadline?.();
    const leftMs = startedMs + this.#times.deadlineMs - this.#options.monotonicMs();
    this.#cancelDeadline = this.#options.after(Math.max(0, leftMs), () => this.#tell());
  }

  #tell(): void {
    const { leads } = this;
    if (leads === this.#told) return;
    this.#told = leads;
    this.#telling = this.#telling.then(() => this.#options.onChange(leads));
  }

  /** Whether this process holds the Lease since `startedMs`. What takes longer than half the deadline failed: it may be done, but then the next try sees it. */
  async #try(startedMs: number): Promise<boolean> {
    let cancel: (() => void) | undefined;
    let late = false;
    const tooLate = new Promise<never>((_resolve, reject) => {
      cancel = this.#options.after(this.#times.deadlineMs / 2, () => {
        late = true;
        reject(new Error('the API server takes too long'));
      });
    });
    try {
      const holds = await Promise.race([this.#acquire(startedMs, () => late), tooLate]);
      this.#report(undefined);
      return holds;
    } catch (thrown) {
      // Somebody else was first: read it anew.
      const conflict = thrown instanceof PortolanError && thrown.code === 'KUBERNETES_CONFLICT';
      if (!conflict) this.#report(messageOf(thrown));
      return false;
    } finally {
      cancel?.();
    }
  }

  async #acquire(startedMs: number, isLate: () => boolean): Promise<boolean> {
    const { client, namespace, name, identity } = this.#options;
    const known = this.#observed;
    // As long as nobody else writes, a renewal is one request.
    if (known?.spec.holderIdentity === identity && this.leads) {
      const renewed = await this.#replaced(known, isLate);
      if (renewed !== undefined) return true;
    }
    const found = await client.get({ resource: LEASES, namespace, name });
    if (isLate()) return false;
    if (found === undefined) {
      const made = await client.create(
        {
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          metadata: { namespace, name },
          spec: this.#spec(undefined),
        },
        LEASES,
      );
      if (!isLate()) this.#observe(made, startedMs);
      return true;
    }
    const observed = this.#observe(found, this.#options.monotonicMs());
    const { holderIdentity: holder, leaseDurationSeconds } = observed.spec;
    const free = holder === undefined || holder === null || holder === '' || holder === identity;
    const endsMs = observed.sinceMs + (leaseDurationSeconds ?? this.#times.leaseMs / 1_000) * 1_000;
    if (!free && this.#options.monotonicMs() < endsMs) {
      this.#renewedMs = undefined;
      return false;
    }
    const taken = await this.#replaced(observed, isLate, 'or else');
    return taken !== undefined;
  }

  /** Undefined: it changed meanwhile, unless that is an error. */
  async #replaced(
    observed: Observed,
    isLate: () => boolean,
    orElse?: 'or else',
  ): Promise<Observed | undefined> {
    try {
      const written = await this.#options.client.replace(
        { ...observed.object, spec: this.#spec(observed.spec) },
        LEASES,
      );
      return isLate() ? undefined : this.#observe(written, this.#options.monotonicMs());
    } catch (thrown) {
      const moved =
        thrown instanceof PortolanError &&
        (thrown.code === 'KUBERNETES_CONFLICT' || thrown.code === 'KUBERNETES_REFUSED');
      if (moved && orElse === undefined) return undefined;
      throw thrown;
    }
  }

  #observe(object: KubeObject, sinceMs: number): Observed {
    const { resourceVersion } = object.metadata;
    if (this.#observed !== undefined && this.#observed.object.metadata.resourceVersion === resourceVersion)
      return this.#observed;
    const read = leaseSpec.safeParse(object.spec ?? {});
    this.#observed = { object, spec: read.success ? read.data : {}, sinceMs };
    return this.#observed;
  }

  #spec(before: LeaseSpec | undefined): LeaseSpec {
    const { identity } = this.#options;
    const time = microTime(this.#options.now());
    const same = before?.holderIdentity === identity;
    return {
      ...before,
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(this.#times.leaseMs / 1_000),
      renewTime: time,
      acquireTime: same ? (before.acquireTime ?? time) : time,
      leaseTransitions: (before?.leaseTransitions ?? 0) + (before === undefined || same ? 0 : 1),
    };
  }

  /** Best effort: when it fails the next one waits for the end of the Lease. */
  async #release(): Promise<void> {
    const observed = this.#observed;
    if (observed === undefined) return;
    const time = microTime(this.#options.now());
    const spec = { ...observed.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: time };
    try {
      this.#observe(
        await this.#options.client.replace({ ...observed.object, spec }, LEASES),
        this.#options.monotonicMs(),
      );
    } catch (thrown) {
      this.#report(messageOf(thrown));
    }
  }

  #report(problem: string | undefined): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#options.onProblem?.(problem);
  }

  async #rest(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#options.after(delayMs, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
    this.#wake = undefined;
  }
}
