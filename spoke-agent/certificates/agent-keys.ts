import { create } from '@bufbuild/protobuf';
import { messageOf, PortolanError } from '../../src/errors/error.ts';
import { createCsr } from '../../src/identity/csr.ts';
import { newPrivateKey } from '../../src/identity/private-key.ts';
import type { GatewaySecrets } from '../../src/policy/model.ts';
import type { LinkClock } from '../../src/protocol/clock.ts';
import {
  type CertificateRequest,
  CertificateRequestSchema,
  type CertificateRequests,
  CertificateRequestsSchema,
} from '../../src/protocol/generated/portolan_pb.js';
import { KEY_ALGORITHMS, type KeyAlgorithm } from '../../src/resources/certificate-policy.ts';
import type { AgentLog } from '../log.ts';
import type { KeyFiles } from './key-files.ts';

export interface AgentKeyMaker {
  /** These keys shall exist. Those that are missing are made, one after the other; what changes is told. */
  want(secrets: Pick<GatewaySecrets, 'agentKeys' | 'certificates'>): void;
  /** Nothing serves what was there before the last `want` any more: keys that are neither wanted nor in use for an hour go. */
  settled(): void;
  /** All requests, for the hub. */
  readonly requests: CertificateRequests;
  /** Settles when nothing is being made any more. */
  idle(): Promise<void>;
  close(): void;
}

/** A hub that starts anew may not know at once what it wanted; a key that is lost makes its certificate one for nobody. */
const GRACE_MS = 3_600_000;

export function createAgentKeyMaker(options: {
  readonly files: KeyFiles;
  /** The requests are others. */
  readonly onRequests: (requests: CertificateRequests) => void;
  readonly clock: Pick<LinkClock, 'monotonicMs' | 'after'>;
  readonly log: AgentLog;
}): AgentKeyMaker {
  const { files, log, onRequests, clock } = options;
  /** Since when nobody wants a key. */
  const unwanted = new Map<string, number>();
  let cancelForget: (() => void) | undefined;
  let wanted: NonNullable<GatewaySecrets['agentKeys']> = {};
  /** Ids of keys that certificates in use belong to. */
  let used: ReadonlyMap<string, string> = new Map();
  let requests: readonly CertificateRequest[] = [];
  /** Which request each is: what does not change is not signed again. */
  const made = new Map<string, { readonly of: string; readonly request: CertificateRequest }>();
  let working: Promise<void> | undefined;
  let again = false;
  let forget = false;

  async function requestFor(
    id: string,
    algorithm: string,
    names: readonly string[],
  ): Promise<CertificateRequest> {
    const of = JSON.stringify([algorithm, names]);
    const known = made.get(id);
    if (known?.of === of) return known.request;
    const csrDer = Uint8Array.from(createCsr(await keyOf(id, algorithm), names));
    const request = create(CertificateRequestSchema, { keyId: id, csrDer });
    made.set(id, { of, request });
    return request;
  }

  /** On the disk before anybody hears of it: a certificate for a key that was lost is for nobody. */
  async function keyOf(id: string, algorithm: string): Promise<string> {
    const kept = await files.read(id);
    if (kept !== undefined) return kept;
    if (used.has(id))
      log.error(
        { key: id },
        'the private key of a certificate in use is not in the data folder any more: renew the certificate (`portolan cert renew`)',
      );
    const keyPem = await newPrivateKey(known(algorithm));
    await files.write(id, keyPem);
    log.info({ key: id, algorithm }, 'a private key was made; it stays on this machine');
    return keyPem;
  }

  async function work(): Promise<void> {
    while (again) {
      again = false;
      const next: CertificateRequest[] = [];
      for (const [id, { algorithm, names }] of Object.entries(wanted)) {
        try {
          next.push(await requestFor(id, algorithm, names));
        } catch (thrown) {
          const error = messageOf(thrown);
          log.error({ key: id, error }, 'a private key cannot be made');
          next.push(create(CertificateRequestSchema, { keyId: id, error }));
        }
      }
      for (const id of [...made.keys()]) if (wanted[id] === undefined) made.delete(id);
      const before = JSON.stringify(requests.map(textOf));
      requests = next;
      if (before !== JSON.stringify(next.map(textOf))) onRequests(messageFor(next));
      if (!forget || again) continue;
      forget = false;
      await forgetOld().catch((thrown: unknown) =>
        log.warn({ error: messageOf(thrown) }, 'old private keys cannot be removed'),
      );
    }
  }

  async function forgetOld(): Promise<void> {
    const kept = new Set([...Object.keys(wanted), ...used.keys()]);
    for (const id of kept) unwanted.delete(id);
    for (const id of await files.list()) {
      if (kept.has(id)) continue;
      const since = unwanted.get(id) ?? clock.monotonicMs();
      unwanted.set(id, since);
      if (clock.monotonicMs() - since < GRACE_MS) continue;
      await files.remove(id);
      unwanted.delete(id);
    }
    cancelForget?.();
    cancelForget = unwanted.size === 0 ? undefined : clock.after(GRACE_MS, settled);
  }

  function settled(): void {
    forget = true;
    begin();
  }

  function begin(): void {
    again = true;
    // Not at the end of `work`: one that waits for nothing ends before it is kept here.
    working ??= work().finally(() => {
      working = undefined;
      if (again) begin();
    });
  }

  return {
    want({ agentKeys = {}, certificates }) {
      wanted = agentKeys;
      used = new Map(
        Object.entries(certificates).flatMap(([id, { agentKey }]) =>
          agentKey === undefined ? [] : [[agentKey, id]],
        ),
      );
      forget = false;
      begin();
    },
    settled,
    get requests() {
      return messageFor(requests);
    },
    idle: async () => working,
    close() {
      cancelForget?.();
    },
  };
}

function messageFor(requests: readonly CertificateRequest[]): CertificateRequests {
  return create(CertificateRequestsSchema, { requests: [...requests] });
}

function textOf({ keyId, csrDer, error }: CertificateRequest): readonly string[] {
  return [keyId, Buffer.from(csrDer).toString('base64'), error];
}

/** The hub may be of a newer release. */
function known(algorithm: string): KeyAlgorithm {
  const found = KEY_ALGORITHMS.find((name) => name === algorithm);
  if (found !== undefined) return found;
  throw new PortolanError('UNSUPPORTED', `this release makes no keys of the algorithm ${algorithm}`);
}
