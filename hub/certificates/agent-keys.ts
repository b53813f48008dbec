import { PortolanError } from '../../src/errors/error.ts';
import type { CertificateRequests } from '../../src/protocol/generated/portolan_pb.js';
import type { ObjectKey } from '../reconcile/objects.ts';
import type { AgentKeys, WantedKey } from './contract.ts';

export interface AgentKeyDesk extends AgentKeys {
  /** Grows whenever `wantedOf` may answer otherwise. */
  readonly version: number;
  /** What agents of this cluster shall make; part of what their gateways get. */
  wantedOf(cluster: ObjectKey): readonly WantedKey[];
  /** All of an agent's requests, whenever they change. Never throws: what is wrong with one is said to who waits for it. */
  onRequests(cluster: ObjectKey, message: CertificateRequests): void;
}

/** Making a key of 4096 bits takes an agent seconds; one that is away should not be waited for all day. */
const PATIENCE_MS = 60_000;

export function createAgentKeys(options: {
  /** Agents have to be told. */
  readonly onWanted: () => void;
  readonly patienceMs?: number;
}): AgentKeyDesk {
  const { onWanted, patienceMs = PATIENCE_MS } = options;
  let wanted: ReadonlyMap<ObjectKey, readonly WantedKey[]> = new Map();
  let version = 0;
  const heard = new Map<ObjectKey, CertificateRequests['requests']>();
  const waiting = new Set<() => void>();

  function answerOf(cluster: ObjectKey, keyId: string): Uint8Array | undefined {
    const request = heard.get(cluster)?.find((r) => r.keyId === keyId);
    if (request === undefined) return undefined;
    if (request.csrDer.length > 0) return request.csrDer;
    throw new PortolanError(
      'AGENT_KEY_MISSING',
      `the agent of ${cluster} could not make a key: ${request.error || 'it does not say why'}`,
    );
  }

  return {
    want(keys) {
      if (JSON.stringify([...keys]) === JSON.stringify([...wanted])) return;
      wanted = keys;
      version += 1;
      onWanted();
    },
    get version() {
      return version;
    },
    wantedOf: (cluster) => wanted.get(cluster) ?? [],
    onRequests(cluster, { requests }) {
      heard.set(cluster, requests);
      for (const look of [...waiting]) look();
    },
    request(cluster, keyId, signal) {
      return new Promise((resolve, reject) => {
        const end = (): void => {
          waiting.delete(look);
          clearTimeout(timer);
          signal.removeEventListener('abort', aborted);
        };
        const look = (): void => {
          try {
            const csr = answerOf(cluster, keyId);
            if (csr === undefined) return;
            end();
            resolve(csr);
          } catch (thrown) {
            end();
            reject(PortolanError.from(thrown));
          }
        };
        const aborted = (): void => {
          end();
          reject(PortolanError.from(signal.reason));
        };
        const timer = setTimeout(() => {
          end();
          reject(
            new PortolanError(
              'AGENT_KEY_MISSING',
              `the agent of ${cluster} did not send a request for ${keyId}`,
            ),
          );
        }, patienceMs);
        signal.addEventListener('abort', aborted, { once: true });
        waiting.add(look);
        if (signal.aborted) aborted();
        else look();
      });
    },
  };
}
