import { create } from '@bufbuild/protobuf';
import { type KeySearchAnswer, searchBudget } from '../../gateway/keys/search.ts';
import { fromWire } from '../../src/protocol/credential-feed.ts';
import {
  type FindKeyRequest,
  FindKeyRequestSchema,
  type FindKeyResponse,
} from '../../src/protocol/generated/portolan_pb.js';

export interface KeyAskerOptions {
  /** Rejects when the hub does not answer in time, or there is no stream to it. */
  readonly findKey: (request: FindKeyRequest) => Promise<FindKeyResponse>;
  readonly monotonicMs: () => number;
}

/**
 * Asks the hub for keys that the agent's table does not have, for all its threads: each key once at a time, and so many a second
 * that whoever sends wrong keys does not reach the hub with them.
 * @param digest hex, the hub's
 * @returns never rejects
 */
export type KeyAsker = (digest: string) => Promise<KeySearchAnswer>;

export function createKeyAsker({ findKey, monotonicMs }: KeyAskerOptions): KeyAsker {
  const asking = new Map<string, Promise<KeySearchAnswer>>();
  const mayAsk = searchBudget(monotonicMs);

  async function ask(digest: string): Promise<KeySearchAnswer> {
    try {
      const request = create(FindKeyRequestSchema, { digest: Uint8Array.from(Buffer.from(digest, 'hex')) });
      return answerOf(await findKey(request));
    } catch {
      // Its reason is in the log of the link.
      return 'away';
    }
  }

  return (digest) => {
    const underWay = asking.get(digest);
    if (underWay !== undefined) return underWay;
    if (!mayAsk()) return Promise.resolve('busy');
    const answer = ask(digest).finally(() => asking.delete(digest));
    asking.set(digest, answer);
    return answer;
  };
}

/** @throws PortolanError KEY_FEED_INVALID */
function answerOf({ entry }: FindKeyResponse): KeySearchAnswer {
  if (entry === undefined) return { type: 'unknown' };
  const key = fromWire(entry);
  const { id, namespace, principal, roles, plan, labels, attributes } = key;
  if (key.revoked) return { type: 'revoked', id };
  return {
    type: 'known',
    record: { id, namespace, principal, roles, labels, attributes, ...(plan === '' ? {} : { plan }) },
    expiresAtMs: key.expiresAtSeconds * 1_000,
  };
}
