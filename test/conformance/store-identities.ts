import { expect, it } from 'vitest';
import type { AgentIdentity, JoinTokenRecord } from '../../hub/store/contract.ts';
import { ACTOR, clusterKey, type StorePlace, sha256, type TestClock } from './store-harness.ts';

const START = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;

/** API tokens, join tokens and agents. */
export function identityTests(place: () => StorePlace): void {
  const openWithClock = async () => {
    const clock: TestClock = { now: START };
    return { clock, store: await place().open({ wallClock: () => clock.now }) };
  };
  const token = (id: string, more: { readonly expiresAt?: string } = {}) => ({
    id,
    display: 'for tests',
    bindings: [{ namespace: '*', role: 'admin' }] as const,
    secretSha256: sha256(id),
    ...more,
  });
  const joinToken = (id: string): JoinTokenRecord & { readonly secretSha256: string } => ({
    id,
    cluster: clusterKey('berlin'),
    clusterUid: 'cluster-1',
    expiresAt: new Date(START + HOUR_MS).toISOString(),
    secretSha256: sha256(id),
  });
  const issuer = (agentUid: string, spkiSha256: string) => {
    const calls: (AgentIdentity | undefined)[] = [];
    const issue = async (
      record: JoinTokenRecord,
      previous: AgentIdentity | undefined,
    ): Promise<AgentIdentity> => {
      calls.push(previous);
      return {
        agentUid,
        clusterUid: record.clusterUid,
        cluster: record.cluster,
        generation: (previous?.generation ?? 0) + 1,
        revoked: false,
        joinedAt: new Date(START).toISOString(),
        spkiSha256,
        certificateChainPem: `chain of ${spkiSha256}`,
      };
    };
    return { issue, calls };
  };

  it('knows a token by id and secret until it expires or is revoked', async () => {
    const { store, clock } = await openWithClock();
    const created = await store.createToken(token('one', { expiresAt: '2026-01-01T02:00:00+01:00' }), ACTOR);
    expect(created).toEqual({
      id: 'one',
      display: 'for tests',
      bindings: [{ namespace: '*', role: 'admin' }],
      createdAt: '2026-01-01T00:00:00.000Z',
      expiresAt: '2026-01-01T02:00:00+01:00',
    });
    expect(await store.authenticateToken('one', sha256('one'))).toMatchObject({ id: 'one' });
    expect(await store.authenticateToken('one', sha256('two'))).toBeUndefined();
    expect(await store.authenticateToken('one', '')).toBeUndefined();
    expect(await store.authenticateToken('two', sha256('two'))).toBeUndefined();
    expect(await store.authenticateToken('two', '')).toBeUndefined();
    clock.now = START + HOUR_MS;
    expect(await store.authenticateToken('one', sha256('one'))).toBeUndefined();
    await store.createToken(token('three'), ACTOR);
    await store.revokeToken('three', ACTOR);
    expect(await store.authenticateToken('three', sha256('three'))).toBeUndefined();
    expect((await store.listTokens()).map((t) => t.id)).toEqual(['one']);
    expect((await store.audit({ limit: 10 })).map((r) => r.verb)).toEqual([
      'token.create',
      'token.create',
      'token.revoke',
    ]);
  });

  it('refuses a second token of one id, a revocation of none, and an expiry that is no time', async () => {
    const { store } = await openWithClock();
    await store.createToken(token('one'), ACTOR);
    await expect(store.createToken(token('one'), ACTOR)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
    await expect(store.revokeToken('two', ACTOR)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(store.createToken(token('two', { expiresAt: 'tomorrow' }), ACTOR)).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
    });
    expect(await store.listTokens()).toHaveLength(1);
    expect(await store.audit({ limit: 10 })).toHaveLength(1);
  });

  it('notes the last use of a token to the minute', async () => {
    const { store, clock } = await openWithClock();
    await store.createToken(token('one'), ACTOR);
    const usedAt = async () => {
      await store.authenticateToken('one', sha256('one'));
      return (await store.listTokens())[0]?.lastUsedAt;
    };
    expect(await usedAt()).toBe('2026-01-01T00:00:00.000Z');
    clock.now += 59_000;
    expect(await usedAt()).toBe('2026-01-01T00:00:00.000Z');
    clock.now += 1_000;
    expect(await usedAt()).toBe('2026-01-01T00:01:00.000Z');
  });

  it('I30 100 parallel uses of one join token with different keys make one identity', async () => {
    const { store } = await openWithClock();
    await store.createJoinToken(joinToken('j'), ACTOR);
    const issued: string[] = [];
    const claims = Array.from({ length: 100 }, (_, i) =>
      store.claimJoinToken({
        id: 'j',
        secretSha256: sha256('j'),
        spkiSha256: sha256(`key ${i}`),
        issue: async (record, previous) => {
          issued.push(`agent-${i}`);
          return issuer(`agent-${i}`, sha256(`key ${i}`)).issue(record, previous);
        },
      }),
    );
    const results = await Promise.allSettled(claims);
    expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'JOIN_TOKEN_USED' });
    }
    expect(issued).toHaveLength(1);
    expect((await store.listAgents()).map((a) => a.agentUid)).toEqual(issued);
  });

  it('I30 a join token is single use across two hubs on one store', async () => {
    const { store } = await openWithClock();
    const other = await place().open({ wallClock: () => START });
    await store.createJoinToken(joinToken('j'), ACTOR);
    const claims = Array.from({ length: 40 }, (_, i) => {
      const spkiSha256 = sha256(`key ${i}`);
      const { issue } = issuer(`agent-${i}`, spkiSha256);
      return (i % 2 === 0 ? store : other).claimJoinToken({
        id: 'j',
        secretSha256: sha256('j'),
        spkiSha256,
        issue,
      });
    });
    const results = await Promise.allSettled(claims);
    expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(1);
    expect(await store.listAgents()).toHaveLength(1);
    expect(await store.verifyAudit()).not.toHaveProperty('brokenAt');
  });

  it('I30 the same key gets the same identity again, also after a restart and the expiry', async () => {
    const { store, clock } = await openWithClock();
    await store.createJoinToken(joinToken('j'), ACTOR);
    const { issue, calls } = issuer('agent-1', 'key');
    const claim = { id: 'j', secretSha256: sha256('j'), spkiSha256: 'key', issue };
    const same = await Promise.all(Array.from({ length: 10 }, () => store.claimJoinToken(claim)));
    expect(new Set(same.map((identity) => JSON.stringify(identity))).size).toBe(1);
    expect(calls).toEqual([undefined]);
    await store.close();
    clock.now += 2 * HOUR_MS;
    const again = await place().open({ wallClock: () => clock.now });
    expect(await again.claimJoinToken(claim)).toEqual(same[0]);
    expect(calls).toHaveLength(1);
  });

  it('refuses an unknown token, a wrong secret and an expired token, and calls nobody to issue', async () => {
    const { store, clock } = await openWithClock();
    await store.createJoinToken(joinToken('j'), ACTOR);
    await expect(store.createJoinToken(joinToken('j'), ACTOR)).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
    });
    const { issue, calls } = issuer('agent-1', 'key');
    const claim = { id: 'j', secretSha256: sha256('j'), spkiSha256: 'key', issue };
    await expect(store.claimJoinToken({ ...claim, id: 'k' })).rejects.toMatchObject({
      code: 'JOIN_TOKEN_INVALID',
    });
    await expect(store.claimJoinToken({ ...claim, secretSha256: sha256('k') })).rejects.toMatchObject({
      code: 'JOIN_TOKEN_INVALID',
    });
    await expect(store.claimJoinToken({ ...claim, id: 'k', secretSha256: '' })).rejects.toMatchObject({
      code: 'JOIN_TOKEN_INVALID',
    });
    clock.now = START + HOUR_MS;
    await expect(store.claimJoinToken(claim)).rejects.toMatchObject({ code: 'JOIN_TOKEN_EXPIRED' });
    expect(calls).toEqual([]);
  });

  it('leaves the token free when issuing fails', async () => {
    const { store } = await openWithClock();
    await store.createJoinToken(joinToken('j'), ACTOR);
    const { issue } = issuer('agent-1', 'key');
    const claim = { id: 'j', secretSha256: sha256('j'), spkiSha256: 'key' };
    const failing = store.claimJoinToken({ ...claim, issue: () => Promise.reject(new Error('no entropy')) });
    await expect(failing).rejects.toThrow('no entropy');
    await expect(
      store.claimJoinToken({ ...claim, issue: issuer('agent-1', 'foreign key').issue }),
    ).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await store.listAgents()).toEqual([]);
    expect(await store.claimJoinToken({ ...claim, issue })).toMatchObject({ agentUid: 'agent-1' });
  });

  it('lets issuing use the store itself', async () => {
    const { store } = await openWithClock();
    await store.createJoinToken(joinToken('j'), ACTOR);
    const { issue } = issuer('agent-1', 'key');
    const identity = await store.claimJoinToken({
      id: 'j',
      secretSha256: sha256('j'),
      spkiSha256: 'key',
      issue: async (record, previous) => {
        expect(await store.increment('serial')).toBe(1);
        return issue(record, previous);
      },
    });
    expect(await store.agent('agent-1')).toEqual(identity);
  });

  it('hands the identity before to a cluster that joins again, and revokes what it replaces', async () => {
    const { store } = await openWithClock();
    for (const id of ['j', 'k', 'l']) await store.createJoinToken(joinToken(id), ACTOR);
    const join = (id: string, { issue }: ReturnType<typeof issuer>, spkiSha256: string) =>
      store.claimJoinToken({ id, secretSha256: sha256(id), spkiSha256, issue });
    await join('j', issuer('agent-1', 'key 1'), 'key 1');
    const second = issuer('agent-1', 'key 2');
    const rejoined = await join('k', second, 'key 2');
    expect(second.calls.map((previous) => previous?.spkiSha256)).toEqual(['key 1']);
    expect(rejoined.generation).toBe(2);
    // The first token's identity is gone with its key.
    await expect(join('j', issuer('agent-1', 'key 1'), 'key 1')).rejects.toMatchObject({
      code: 'JOIN_TOKEN_USED',
    });
    await join('l', issuer('agent-2', 'key 3'), 'key 3');
    const agents = await store.listAgents();
    expect(agents.map((a) => [a.agentUid, a.revoked, a.generation])).toEqual([
      ['agent-1', true, 3],
      ['agent-2', false, 3],
    ]);
    await expect(join('k', second, 'key 2')).rejects.toMatchObject({ code: 'AGENT_REVOKED' });
  });

  it('raises the generation of an agent that is revoked, not of one whose certificate is renewed', async () => {
    const { store } = await openWithClock();
    await store.createJoinToken(joinToken('j'), ACTOR);
    await store.claimJoinToken({
      id: 'j',
      secretSha256: sha256('j'),
      spkiSha256: 'key',
      issue: issuer('agent-1', 'key').issue,
    });
    expect(await store.updateAgent('agent-1', { certificateChainPem: 'renewed' }, ACTOR)).toMatchObject({
      generation: 1,
      certificateChainPem: 'renewed',
    });
    expect(await store.updateAgent('agent-1', { revoked: true }, ACTOR)).toMatchObject({
      generation: 2,
      revoked: true,
    });
    expect(await store.agent('agent-1')).toMatchObject({ revoked: true, certificateChainPem: 'renewed' });
    await expect(store.updateAgent('agent-9', { revoked: true }, ACTOR)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    expect((await store.audit({ limit: 10 })).map((r) => r.verb)).toEqual([
      'cluster.token',
      'cluster.join',
      'agent.update',
      'agent.revoke',
    ]);
  });
}
