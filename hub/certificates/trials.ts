import type { WantedCertificate } from '../../src/certificates/model.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { CertificateTrial } from '../api/certificate-services.ts';
import type { ObjectKey } from '../reconcile/objects.ts';

/** One order whose certificate is thrown away. @throws PortolanError why there is none */
export type TrialRun = (
  order: {
    readonly wanted: WantedCertificate;
    readonly issuer: ObjectKey;
    readonly directory: string;
  },
  onStep: (text: string) => void,
  signal: AbortSignal,
) => Promise<void>;

export interface TrialOrder {
  readonly policy: string;
  readonly issuer: string;
  readonly issuerKey: ObjectKey;
  readonly directory: string;
  readonly certificates: readonly WantedCertificate[];
}

/** How long a trial may take, and how long its result is known afterwards. */
const PATIENCE_MS = 10 * 60_000;
const KEPT_MS = 60 * 60_000;
const MAX_STEPS = 200;

/** The trials under way and those of the last hour, one a policy. In memory: what a trial leaves is what it said. */
export function createTrials(options: { readonly run: TrialRun; readonly wallMs: () => number }): {
  /** The one under way, or a new one. */
  begin(policy: ObjectKey, order: TrialOrder): CertificateTrial;
  of(policy: ObjectKey): CertificateTrial | undefined;
} {
  const { run, wallMs } = options;
  const trials = new Map<ObjectKey, CertificateTrial>();
  const now = (): string => new Date(wallMs()).toISOString();

  function change(policy: ObjectKey, changed: Partial<CertificateTrial>): void {
    const trial = trials.get(policy);
    if (trial !== undefined) trials.set(policy, { ...trial, ...changed });
  }

  function say(policy: ObjectKey, text: string): void {
    const steps = trials.get(policy)?.steps ?? [];
    if (steps.length < MAX_STEPS) change(policy, { steps: [...steps, { at: now(), text }] });
  }

  async function runAll(policy: ObjectKey, order: TrialOrder): Promise<void> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    for (const wanted of order.certificates) {
      say(policy, `an order for ${wanted.names.join(', ')} at ${order.directory}`);
      await run(
        { wanted, issuer: order.issuerKey, directory: order.directory },
        (text) => say(policy, text),
        signal,
      );
      say(policy, 'a certificate was issued, and thrown away');
    }
  }

  function forgetOld(): void {
    for (const [key, { finishedAt }] of trials)
      if (finishedAt !== undefined && wallMs() - Date.parse(finishedAt) > KEPT_MS) trials.delete(key);
  }

  return {
    begin(policy, order) {
      forgetOld();
      const known = trials.get(policy);
      if (known?.state === 'running') return known;
      const trial: CertificateTrial = {
        policy: order.policy,
        issuer: order.issuer,
        directory: order.directory,
        state: 'running',
        dnsNames: [...new Set(order.certificates.flatMap(({ names }) => names))].sort(),
        startedAt: now(),
        steps: [],
      };
      trials.set(policy, trial);
      void runAll(policy, order).then(
        () => change(policy, { state: 'passed', finishedAt: now() }),
        (thrown: unknown) => {
          const { code, message, fix } = PortolanError.from(thrown);
          change(policy, { state: 'failed', finishedAt: now(), problem: { code, message, fix } });
        },
      );
      return trials.get(policy) ?? trial;
    },
    of(policy) {
      forgetOld();
      return trials.get(policy);
    },
  };
}
