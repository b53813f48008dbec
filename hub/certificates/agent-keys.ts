import { PortolanError } from '../../src/errors/error.ts';
import { checkedRequest } from '../../src/identity/checked-request.ts';
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

  /** Undefined: not sent yet. @throws PortolanError AGENT_KEY_MISSING, CSR_INVALID */
  async function answerOf(cluster: ObjectKey, keyId: string): Promise<Uint8Array | undefined> {
    const request = heard.get(cluster)?.find((r) => r.keyId === keyId);
    const key = wanted.get(cluster)?.find(({ id }) => id === keyId);
    if (request === undefined || key === undefined) return undefined;
    if (request.csrDer.length > 0) return await checkedRequest(request.csrDer, key);
    throw new PortolanError(
      'AGENT_KEY_MISSING',
      `the agent of ${cluster} could not make a key: ${request.error.slice(0, 300) || 'it does not say why'}`,
    );
  }

  return {
    want(keys) {
      if (JSON.stringify([...keys]) === JSON.stringify([...wanted])) return;
      wanted = keys;
      for (const cluster of [...heard.keys()]) if (!keys.has(cluster)) heard.delete(cluster);
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
        /** Why what was sent is not taken: a request for earlier names may be followed by the right one. */
        let refused: PortolanError | undefined;
        const end = (): void => {
          waiting.delete(look);
          clearTimeout(timer);
          signal.removeEventListener('abort', aborted);
        };
        const look = (): void => {
          answerOf(cluster, keyId).then(
            (csr) => {
              if (csr === undefined) return;
              end();
              resolve(csr);
            },
            (thrown: unknown) => {
              refused = PortolanError.from(thrown);
              if (refused.code !== 'AGENT_KEY_MISSING') return;
              end();
              reject(refused);
            },
          );
        };
        const aborted = (): void => {
          end();
          reject(PortolanError.from(signal.reason));
        };
        const timer = setTimeout(() => {
          end();
          const missing = `the agent of ${cluster} did not send a request for ${keyId}`;
          reject(refused ?? new PortolanError('AGENT_KEY_MISSING', missing));
        }, patienceMs);
        signal.addEventListener('abort', aborted, { once: true });
        waiting.add(look);
        if (signal.aborted) aborted();
        else look();
      });
    },
  };
}
