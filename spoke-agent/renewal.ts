import { sign } from 'node:crypto';
import { messageOf, PortolanError } from '../src/errors/error.ts';
import { readAgentCertificate } from '../src/identity/certificate.ts';
import { createCsr, newAgentKey, spkiSha256Of } from '../src/identity/csr.ts';
import { type BackoffOptions, backoffDelayMs } from '../src/protocol/backoff.ts';
import type { LinkClock } from '../src/protocol/clock.ts';
import {
  challengeReply,
  type RenewRequest,
  renewalProof,
  renewReply,
} from '../src/protocol/join-messages.ts';
import { askHub, CertificateTimeError } from './hub-https.ts';
import type { AgentIdentityHolder, IdentityFile } from './identity-files.ts';

export interface RenewalOptions {
  readonly identity: AgentIdentityHolder;
  readonly clock: LinkClock;
  readonly random: () => number;
  /** Renews over the agent link while it is up; `undefined` when it is not. Resolves to the chain, PEM. */
  readonly overLink: (csrDer: Uint8Array) => Promise<string> | undefined;
  readonly onRenewed: () => void;
  readonly onError: (error: PortolanError) => void;
}

export interface CertificateRenewal {
  close(): void;
}

/** A renewal that fails is tried again for days: slowly, and apart from other agents. */
const RETRY: BackoffOptions = { baseMs: 30_000, capMs: 3_600_000 };
/** Timers count monotonic time, certificates wall time: look at the wall clock this often. */
const LOOK_EVERY_MS = 900_000;
const HTTPS_TIMEOUT_MS = 10_000;

/**
 * When a certificate is renewed: after a third of its life, spread over ±10 % of that so that agents which joined
 * together do not come together. Wall clock, milliseconds.
 */
export function renewalDueMs(
  life: { readonly notBeforeMs: number; readonly notAfterMs: number },
  random: () => number,
): number {
  const third = (life.notAfterMs - life.notBeforeMs) / 3;
  return life.notBeforeMs + third * (0.9 + 0.2 * random());
}

/** Keeps the agent's certificate fresh, each time with a new key. */
export function keepRenewed(options: RenewalOptions): CertificateRenewal {
  const { identity, clock, random } = options;
  let dueMs = renewalDueMs(identity.certificate(), random);
  let failures = 0;
  let closed = false;
  let cancel = clock.after(waitMs(), look);

  function waitMs(): number {
    return Math.min(LOOK_EVERY_MS, Math.max(0, dueMs - clock.wallMs()));
  }

  function look(): void {
    if (clock.wallMs() < dueMs) {
      cancel = clock.after(waitMs(), look);
      return;
    }
    void attempt().then((delayMs) => {
      if (!closed) cancel = clock.after(delayMs, look);
    });
  }

  async function attempt(): Promise<number> {
    try {
      await renewIdentity(options);
      failures = 0;
      dueMs = renewalDueMs(identity.certificate(), random);
      if (!closed) options.onRenewed();
      return waitMs();
    } catch (error) {
      failures += 1;
      options.onError(PortolanError.from(error));
      return backoffDelayMs(failures, random, RETRY);
    }
  }

  return {
    close() {
      closed = true;
      cancel();
    },
  };
}

/**
 * One renewal: over the link when it is up, else over the join listener with a proof of possession, because TLS refuses
 * a client certificate that has expired. The new identity is on the disk when this resolves.
 * @throws PortolanError HUB_UNREACHABLE, AGENT_REVOKED, AGENT_CERTIFICATE_EXPIRED, CLOCK_SKEW, DISK_FULL, …
 */
export async function renewIdentity(
  options: Pick<RenewalOptions, 'identity' | 'clock' | 'overLink'>,
): Promise<void> {
  const { identity, clock } = options;
  const before = identity.current();
  const privateKeyPem = newAgentKey();
  const csrDer = createCsr(privateKeyPem);
  const chain = await (options.overLink(csrDer) ?? renewOverHttps(before, csrDer));
  const was = identity.certificate();
  const is = readAgentCertificate(chain);
  const fits =
    is !== undefined &&
    is.spkiSha256 === spkiSha256Of(privateKeyPem) &&
    is.principal.agentUid === was.principal.agentUid &&
    is.principal.clusterUid === was.principal.clusterUid &&
    is.principal.hubUid === was.principal.hubUid &&
    is.generation === was.generation;
  if (!fits)
    throw new PortolanError(
      'INTERNAL',
      'the hub renewed with a certificate that is not for this agent and key',
    );
  const now = clock.wallMs();
  if (now < is.notBeforeMs || now > is.notAfterMs) {
    throw new PortolanError(
      'CLOCK_SKEW',
      'the certificate the hub issued now is not valid by the clock here',
    );
  }
  await identity.replace({ ...before, privateKeyPem, certificateChainPem: chain });
}

async function renewOverHttps(identity: IdentityFile, csrDer: Uint8Array): Promise<string> {
  let failure = new PortolanError('HUB_UNREACHABLE', 'the agent knows no join address of its hub');
  for (const origin of identity.joinUrls) {
    try {
      const ask = { origin, trust: identity.caPem, timeoutMs: HTTPS_TIMEOUT_MS };
      const first = await askHub({ ...ask, path: '/challenge' });
      const { challenge } = challengeReply.parse(JSON.parse(first.body));
      const request: RenewRequest = {
        challenge,
        certificateChainPem: identity.certificateChainPem,
        csr: Buffer.from(csrDer).toString('base64'),
        signature: sign('sha256', renewalProof(challenge, csrDer), identity.privateKeyPem).toString('base64'),
      };
      const { body } = await askHub({ ...ask, path: '/renew', json: request });
      return renewReply.parse(JSON.parse(body)).certificateChainPem;
    } catch (error) {
      failure =
        error instanceof CertificateTimeError
          ? new PortolanError(
              'CLOCK_SKEW',
              `the hub's certificate is not valid at this time: ${messageOf(error)}`,
            )
          : PortolanError.from(error, 'HUB_UNREACHABLE');
      if (failure.code !== 'HUB_UNREACHABLE' && failure.code !== 'CA_PIN_MISMATCH') throw failure;
    }
  }
  throw failure;
}
