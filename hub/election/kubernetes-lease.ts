import { createKubeClient } from '../../kube/client.ts';
import { openKubeAccess } from '../../kube/config.ts';
import type { KubeClient } from '../../kube/contract.ts';
import { createLeaseElection } from '../../kube/lease.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { Election, ElectionClock, ElectionEvents } from './contract.ts';

export interface KubernetesLeaseOptions extends ElectionEvents {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  /** Of this process alone. */
  readonly incarnation: string;
  readonly leaseSeconds: number;
  readonly clock: ElectionClock;
  readonly now: () => Date;
  readonly random: () => number;
  readonly log: { warn(details: object, message: string): void };
}

/** How long a start waits to know whether it leads. */
const FIRST_TRY_MS = 3_000;

/** The API server that is meant: the pod's own, or that of a kubeconfig file. @throws PortolanError KUBERNETES_UNAVAILABLE */
export async function openLeaseClient(): Promise<KubeClient> {
  return createKubeClient(await openKubeAccess());
}

/**
 * Leads while this process holds a Lease of Kubernetes. The Lease lives elsewhere than the store, so it cannot be part of the
 * transaction that takes the epoch; what it gives is that one hub tries at a time.
 */
export function createKubernetesLease(options: KubernetesLeaseOptions): Election {
  const { clock, leaseSeconds } = options;
  let wasLeading = false;
  let told = false;
  let closed = false;
  let first: ((leads: boolean) => void) | undefined;
  let started = false;

  const lease = createLeaseElection({
    client: options.client,
    namespace: options.namespace,
    name: options.name,
    identity: options.incarnation,
    leaseSeconds,
    renewDeadlineSeconds: (leaseSeconds * 2) / 3,
    retrySeconds: Math.min(2, leaseSeconds / 7.5),
    onChange(leads) {
      if (leads) {
        wasLeading = true;
        if (first !== undefined) first(true);
        else tell();
      } else if (wasLeading && !closed)
        options.onLost('the Lease could not be renewed, or another hub holds it');
    },
    onProblem(problem) {
      if (problem === undefined) return;
      options.log.warn({ problem }, 'the Lease cannot be asked for');
      first?.(false);
    },
    monotonicMs: clock.monotonicMs,
    now: options.now,
    after: clock.after,
    random: options.random,
  });

  function tell(): void {
    if (told) return;
    told = true;
    options.onLead();
  }

  return {
    get leads() {
      return lease.leads;
    },
    attempt() {
      lease.start();
      return new Promise<boolean>((resolve) => {
        const cancel = clock.after(FIRST_TRY_MS, () => first?.(lease.leads));
        first = (leads) => {
          first = undefined;
          cancel();
          told = leads;
          resolve(leads);
        };
        if (lease.leads) first(true);
      });
    },
    start() {
      if (started) return;
      started = true;
      lease.start();
      if (lease.leads) tell();
    },
    // It is looked at every two seconds, and giving it back makes no notice.
    nudge() {},
    mayLead() {
      return lease.leads
        ? Promise.resolve()
        : Promise.reject(new PortolanError('NOT_LEADER', 'the Lease ended before this hub could take over'));
    },
    async close() {
      closed = true;
      await lease.close();
    },
  };
}
