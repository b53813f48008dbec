import { readLeaf } from '../../src/certificates/chain.ts';
import { newPrivateKey } from '../../src/identity/private-key.ts';
import type { KeyWork } from './parts.ts';
import { certificateRequest, chainProblem, keyOfRequest } from './request.ts';

/** Real keys, made on another thread. */
export const REAL_KEYS: KeyWork = {
  newKey: newPrivateKey,
  request: certificateRequest,
  keyOfRequest,
  read(chainPem, key, names, nowMs) {
    const problem = chainProblem(chainPem, key, names, nowMs);
    if (problem !== undefined) return { problem };
    return readLeaf(chainPem) ?? { problem: 'it cannot be read' };
  },
};
