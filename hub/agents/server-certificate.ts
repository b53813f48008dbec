import type { CertificateAuthority } from '../../src/identity/ca.ts';
import type { LinkClock } from '../../src/protocol/clock.ts';

/** Key and certificate of this hub's listeners for agents. */
interface ServerKeyPair {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** The listeners' certificate, kept in memory only: a new one is made at every start and every ten days. */
export interface HubCertificate {
  current(): ServerKeyPair;
  onChange(listener: (pair: ServerKeyPair) => void): void;
  close(): void;
}

/** A third of the certificate's 30 days. */
const REISSUE_AFTER_MS = 10 * 86_400_000;
/** Timers count monotonic time, certificates wall time: look at the wall clock this often. */
const LOOK_EVERY_MS = 3_600_000;

export async function createHubCertificate(
  ca: Pick<CertificateAuthority, 'issueHubServer'>,
  clock: LinkClock,
  onError: (error: unknown) => void,
): Promise<HubCertificate> {
  const listeners: ((pair: ServerKeyPair) => void)[] = [];
  let issuedAtMs = clock.wallMs();
  let pair: ServerKeyPair = await ca.issueHubServer(issuedAtMs);
  let closed = false;
  let cancel = clock.after(LOOK_EVERY_MS, look);

  function look(): void {
    const now = clock.wallMs();
    // A clock set back to before the certificate's start needs a new one as much as one that ran on.
    const due = now - issuedAtMs >= REISSUE_AFTER_MS || now < issuedAtMs;
    const done = due ? reissue(now) : Promise.resolve();
    void done.catch(onError).finally(() => {
      if (!closed) cancel = clock.after(LOOK_EVERY_MS, look);
    });
  }

  async function reissue(now: number): Promise<void> {
    pair = await ca.issueHubServer(now);
    issuedAtMs = now;
    for (const listener of listeners) listener(pair);
  }

  return {
    current: () => pair,
    onChange: (listener) => void listeners.push(listener),
    close() {
      closed = true;
      cancel();
    },
  };
}
