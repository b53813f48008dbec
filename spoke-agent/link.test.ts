import { randomBytes } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { createCa, openCa } from '../src/identity/ca.ts';
import { readAgentCertificate } from '../src/identity/certificate.ts';
import { createCsr, newAgentKey } from '../src/identity/csr.ts';
import { backoffDelayMs } from '../src/protocol/backoff.ts';
import { HelloSchema } from '../src/protocol/generated/portolan_pb.js';
import type { AgentIdentityHolder } from './identity-files.ts';
import { createHubLink } from './link.ts';

async function identityHolder(linkAddresses: string[]): Promise<AgentIdentityHolder> {
  const material = await createCa({ hubUid: 'h', nowMs: Date.now(), randomBytes });
  const ca = await openCa(material, randomBytes);
  const privateKeyPem = newAgentKey();
  const principal = { hubUid: 'h', clusterUid: 'c', agentUid: 'a' };
  const request = { csrDer: createCsr(privateKeyPem), principal, generation: 1, nowMs: Date.now() };
  const certificateChainPem = await ca.issueAgent(request);
  const certificate = readAgentCertificate(certificateChainPem);
  if (certificate === undefined) throw new Error('no certificate');
  const file = {
    ...principal,
    cluster: { namespace: 'default', name: 'c' },
    generation: 1,
    privateKeyPem,
    certificateChainPem,
    caPem: material.certificatePem,
    snapshotKeys: [],
    linkAddresses,
    joinUrls: [],
  };
  return {
    current: () => file,
    certificate: () => certificate,
    replace: () => Promise.reject(new Error('not in this test')),
    onChange: () => () => undefined,
  };
}

/** Delays of the first `tries` retries when nothing listens anywhere; retries run at once, other timers never. */
async function retryDelays(
  tries: number,
  addresses: string[],
  draws: readonly number[],
): Promise<readonly number[]> {
  const identity = await identityHolder(addresses);
  const delays: number[] = [];
  let drawn = 0;
  let downs = 0;
  return await new Promise((resolve) => {
    let armed = false;
    const link = createHubLink({
      identity,
      random: () => draws[drawn++ % draws.length] ?? 0,
      hello: () => create(HelloSchema),
      clock: {
        wallMs: () => 0,
        monotonicMs: () => 0,
        after(delayMs, task) {
          if (!armed) return () => undefined;
          armed = false;
          delays.push(delayMs);
          const timer = setImmediate(task);
          return () => clearImmediate(timer);
        },
      },
      on: {
        welcome: () => undefined,
        snapshot: () => undefined,
        decisions: () => undefined,
        faults: () => undefined,
        observe: () => undefined,
        credentials: () => undefined,
        usageAck: () => undefined,
        quota: () => undefined,
        up: () => undefined,
        // The only timer that a link sets right after it went down is the one for its next try.
        down: () => {
          armed = true;
          downs += 1;
          if (downs > tries) {
            link.close();
            resolve(delays);
          }
        },
      },
    });
    // The renewal drew once for its own date.
    drawn = 0;
  });
}

describe('a hub link that finds no hub', () => {
  it('waits longer each time up to 8 s, each delay drawn anew from the whole range', async () => {
    const draws = [0.9, 0.1, 0.5, 0.99, 0.3, 0.7, 0.2, 0.8];
    const delays = await retryDelays(8, ['127.0.0.1:1'], draws);
    expect(delays).toEqual(draws.map((draw, index) => backoffDelayMs(index + 1, () => draw)));
    expect(Math.max(...delays)).toBeLessThanOrEqual(8_000);
    expect(delays[7]).toBe(6_400);
  });

  it('tries every address before it waits longer', async () => {
    const delays = await retryDelays(4, ['127.0.0.1:1', '127.0.0.1:2'], [0.999]);
    expect(delays).toEqual([249, 249, 499, 499]);
  });
});
