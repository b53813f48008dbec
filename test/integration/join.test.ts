import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askHub } from '../../spoke-agent/hub-https.ts';
import { loadIdentity, openIdentity, pendingKey } from '../../spoke-agent/identity-files.ts';
import { joinCluster } from '../../spoke-agent/join.ts';
import { renewIdentity } from '../../spoke-agent/renewal.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { readAgentCertificate } from '../../src/identity/certificate.ts';
import { createCsr, newAgentKey, spkiSha256Of } from '../../src/identity/csr.ts';
import { formatJoinToken, parseJoinToken } from '../../src/identity/join-token.ts';
import { joinReply } from '../../src/protocol/join-messages.ts';
import { type HubIdentityWorld, startHubIdentity } from './agent-world.ts';

let hub: HubIdentityWorld;
beforeEach(async () => {
  hub = await startHubIdentity();
});
afterEach(async () => {
  await hub[Symbol.asyncDispose]();
});

const codeOf = (run: Promise<unknown>): Promise<string> =>
  run.then(
    () => 'no error',
    (error: unknown) => (error instanceof PortolanError ? error.code : String(error)),
  );

const wallMs = (): number => hub.clock.wallMs();
const joinAs = (token: string, name: string) => joinCluster({ token, dataDir: hub.dataDir(name), wallMs });

/** A join request as an attacker with the token would send it, with a key of their own. */
async function rawJoin(tokenText: string, key = newAgentKey(), clusterUid?: string) {
  const token = parseJoinToken(tokenText);
  const { body } = await askHub({
    origin: hub.joinUrl,
    path: '/join',
    trust: hub.authority.caBundlePem,
    timeoutMs: 10_000,
    json: {
      clusterUid: clusterUid ?? token.clusterUid,
      tokenId: token.id,
      secret: token.secret,
      csr: createCsr(key).toString('base64'),
    },
  });
  return joinReply.parse(JSON.parse(body));
}

describe('joining', () => {
  it('gives the agent a SPIFFE identity for 7 days, backdated 15 minutes, whose key never left its data folder', async () => {
    const identity = await joinAs(await hub.newToken('fra'), 'fra');
    const certificate = readAgentCertificate(identity.certificateChainPem);
    expect(certificate?.principal).toEqual({
      hubUid: hub.store.hubUid,
      clusterUid: identity.clusterUid,
      agentUid: identity.agentUid,
    });
    const lifeMs = (certificate?.notAfterMs ?? 0) - (certificate?.notBeforeMs ?? 0);
    expect(lifeMs).toBe(7 * 86_400_000 + 900_000);
    expect(certificate?.spkiSha256).toBe(spkiSha256Of(identity.privateKeyPem));
    expect((await hub.store.agent(identity.agentUid))?.clusterUid).toBe(identity.clusterUid);
  });

  it('keeps the identity in one file only its owner can read, and nothing of the join beside it', async () => {
    const identity = await joinAs(await hub.newToken('fra'), 'fra');
    const folder = join(hub.dataDir('fra'), 'identity');
    expect(await readdir(folder)).toEqual(['identity.json']);
    expect((await stat(join(folder, 'identity.json'))).mode & 0o777).toBe(0o600);
    expect(await loadIdentity(hub.dataDir('fra'))).toEqual(identity);
  });

  it('I30 of 100 parallel uses of one token with different keys, one succeeds and 99 are told JOIN_TOKEN_USED', async () => {
    const token = await hub.newToken('fra');
    const codes = await Promise.all(Array.from({ length: 100 }, () => codeOf(rawJoin(token))));
    expect(codes.filter((code) => code === 'no error')).toHaveLength(1);
    expect(codes.filter((code) => code === 'JOIN_TOKEN_USED')).toHaveLength(99);
    expect(await hub.store.listAgents()).toHaveLength(1);
  });

  it('I30 the same token with the same key gives the same certificate again', async () => {
    const token = await hub.newToken('fra');
    const key = newAgentKey();
    const replies = await Promise.all(Array.from({ length: 10 }, () => rawJoin(token, key)));
    expect(new Set(replies.map((reply) => reply.certificateChainPem)).size).toBe(1);
  });

  it('goes on after a crash between the request and the reply: the key was on the disk first', async () => {
    const token = await hub.newToken('fra');
    const lost = await rawJoin(token, await pendingKey(hub.dataDir('fra')));
    const identity = await joinAs(token, 'fra');
    expect(identity.certificateChainPem).toBe(lost.certificateChainPem);
  });

  it('I30 an expired token is refused by the hub clock', async () => {
    const token = await hub.newToken('fra', { lifeMs: 60_000 });
    hub.clock.wallOffsetMs = 61_000;
    expect(await codeOf(joinAs(token, 'fra'))).toBe('JOIN_TOKEN_EXPIRED');
  });

  it('I30 a hub whose CA is not the pinned one never sees the secret', async () => {
    let bodies = 0;
    const pair = hub.certificate.current();
    const impostor = createServer(
      { cert: pair.certificatePem, key: pair.privateKeyPem },
      (request, response) => {
        if (request.method === 'POST') bodies += 1;
        response.end(hub.authority.caBundlePem);
      },
    );
    await new Promise<void>((resolve) => impostor.listen(0, '127.0.0.1', resolve));
    const address = impostor.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const token = parseJoinToken(await hub.newToken('fra', { pins: ['0'.repeat(64)] }));
    const text = formatJoinToken({ ...token, urls: [`https://127.0.0.1:${port}`] });
    expect(await codeOf(joinAs(text, 'fra'))).toBe('CA_PIN_MISMATCH');
    expect(bodies).toBe(0);
    await new Promise((resolve) => impostor.close(resolve));
  });

  it('I30 a server that shows the pinned CA but holds no certificate of it is refused', async () => {
    const other = await startHubIdentity();
    const listener = await other.newListener({ caBundlePem: hub.authority.caBundlePem });
    const token = parseJoinToken(await hub.newToken('fra'));
    const text = formatJoinToken({ ...token, urls: [`https://127.0.0.1:${listener.port}`] });
    expect(await codeOf(joinAs(text, 'fra'))).toBe('CA_PIN_MISMATCH');
    await other[Symbol.asyncDispose]();
  });

  it('I30 a token works for its own cluster only', async () => {
    const fra = await hub.newToken('fra');
    const par = parseJoinToken(await hub.newToken('par'));
    expect(await codeOf(rawJoin(fra, newAgentKey(), par.clusterUid))).toBe('JOIN_TOKEN_INVALID');
    expect(await codeOf(rawJoin(fra))).toBe('no error');
  });

  it('I30 a wrong secret is refused', async () => {
    const token = parseJoinToken(await hub.newToken('fra'));
    expect(await codeOf(rawJoin(formatJoinToken({ ...token, secret: '0'.repeat(64) })))).toBe(
      'JOIN_TOKEN_INVALID',
    );
  });

  it('I30 a token of a cluster that was deleted since is refused, also when another has its name now', async () => {
    const token = await hub.newToken('fra');
    const key = { kind: 'Cluster', namespace: 'default', name: 'fra' } as const;
    await hub.store.commit([{ type: 'delete', key }], { actor: { id: 'hub', display: 'test' } });
    expect(await codeOf(joinAs(token, 'fra'))).toBe('JOIN_TOKEN_INVALID');
    await hub.newToken('fra');
    expect(await codeOf(joinAs(token, 'fra'))).toBe('JOIN_TOKEN_INVALID');
  });

  it('a second join replaces the agent: same uid, next generation', async () => {
    const first = await joinAs(await hub.newToken('fra'), 'fra');
    const second = await joinAs(await hub.newToken('fra'), 'fra-again');
    expect(second.agentUid).toBe(first.agentUid);
    expect(second.generation).toBe(first.generation + 1);
  });

  it('a data folder of one cluster is not taken over by the token of another', async () => {
    await joinAs(await hub.newToken('fra'), 'fra');
    expect(await codeOf(joinAs(await hub.newToken('par'), 'fra'))).toBe('ALREADY_EXISTS');
  });

  it.each([
    ['two hours behind', -2 * 3_600_000, /7200 s behind/],
    ['ten days ahead', 10 * 86_400_000, /864000 s ahead/],
  ])('a clock %s is named as such, with the difference', async (_, offsetMs, message) => {
    const token = await hub.newToken('fra');
    const attempt = joinCluster({ token, dataDir: hub.dataDir('fra'), wallMs: () => wallMs() + offsetMs });
    await expect(attempt).rejects.toMatchObject({ code: 'CLOCK_SKEW' });
    await expect(attempt).rejects.toThrow(message);
    expect(await loadIdentity(hub.dataDir('fra'))).toBeUndefined();
  });

  it('a damaged identity file is named, not used', async () => {
    await joinAs(await hub.newToken('fra'), 'fra');
    const path = join(hub.dataDir('fra'), 'identity', 'identity.json');
    await writeFile(path, (await readFile(path, 'utf8')).replace('"generation": 1', '"generation": 2'));
    expect(await codeOf(openIdentity(hub.dataDir('fra')))).toBe('DATA_DIR_INVALID');
  });
});

describe('the join listener', () => {
  const ask = (port: number, json?: unknown) =>
    askHub({
      origin: `https://127.0.0.1:${port}`,
      path: json === undefined ? '/ca' : '/join',
      trust: hub.authority.caBundlePem,
      timeoutMs: 10_000,
      ...(json === undefined ? {} : { json }),
    });

  it('I36 refuses a body over its limit and goes on serving', async () => {
    const { port } = await hub.newListener();
    expect(await codeOf(ask(port, { filler: 'x'.repeat(20_000) }))).toBe('PAYLOAD_TOO_LARGE');
    expect(await codeOf(ask(port))).toBe('no error');
  });

  it('I36 names the members that are wrong without repeating them', async () => {
    const { port } = await hub.newListener();
    const attempt = ask(port, { clusterUid: 'c', tokenId: 'secret-in-the-wrong-place', secret: '', csr: '' });
    await expect(attempt).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
    await expect(attempt).rejects.not.toThrow('secret-in');
  });

  it('I36 slows one source down', async () => {
    const { port } = await hub.newListener({ budget: { burst: 3, perSecond: 0.001, maxSources: 10 } });
    const codes = await Promise.all(Array.from({ length: 5 }, () => codeOf(ask(port))));
    expect(codes.filter((code) => code === 'RATE_LIMITED')).toHaveLength(2);
  });

  it('is not kept from stopping by a client that says nothing', async () => {
    const listener = await hub.newListener();
    const silent = connect(listener.port, '127.0.0.1');
    silent.on('error', () => undefined);
    await new Promise((resolve) => silent.once('connect', resolve));
    const startedAtMs = performance.now();
    await listener.close();
    expect(performance.now() - startedAtMs).toBeLessThan(10_000);
    silent.destroy();
  });

  it('refuses a request whose signature is not of its key', async () => {
    const token = parseJoinToken(await hub.newToken('fra'));
    const csr = createCsr(newAgentKey());
    csr.writeUInt8(csr.readUInt8(csr.length - 1) ^ 1, csr.length - 1);
    const json = {
      clusterUid: token.clusterUid,
      tokenId: token.id,
      secret: token.secret,
      csr: csr.toString('base64'),
    };
    const { port } = await hub.newListener();
    expect(await codeOf(ask(port, json))).toBe('CSR_INVALID');
  });
});

describe('renewal without the link', () => {
  const renew = async (name: string) => {
    const identity = await openIdentity(hub.dataDir(name));
    const before = identity.certificate();
    await renewIdentity({ identity, clock: hub.clock, overLink: () => undefined });
    return { before, after: identity.certificate(), identity };
  };

  it('gives a new certificate for a new key, and it is on the disk', async () => {
    await joinAs(await hub.newToken('fra'), 'fra');
    const { before, after } = await renew('fra');
    expect(after.spkiSha256).not.toBe(before.spkiSha256);
    expect(after.generation).toBe(before.generation);
    expect((await openIdentity(hub.dataDir('fra'))).certificate()).toEqual(after);
  });

  it.each([
    ['6 days after its end', 13, 'no error'],
    ['8 days after its end', 15, 'AGENT_CERTIFICATE_EXPIRED'],
  ])('of a certificate %s: %s days after the join it is %s', async (_, days, expected) => {
    await joinAs(await hub.newToken('fra'), 'fra');
    hub.clock.wallOffsetMs = days * 86_400_000;
    expect(await codeOf(renew('fra'))).toBe(expected);
  });

  it('is refused to a revoked agent', async () => {
    const { agentUid } = await joinAs(await hub.newToken('fra'), 'fra');
    await hub.store.updateAgent(agentUid, { revoked: true }, { id: 'hub', display: 'test' });
    expect(await codeOf(renew('fra'))).toBe('AGENT_REVOKED');
  });

  it('is refused without the old key', async () => {
    await joinAs(await hub.newToken('fra'), 'fra');
    const { certificateChainPem } = (await openIdentity(hub.dataDir('fra'))).current();
    const csr = createCsr(newAgentKey()).toString('base64');
    const challenge = hub.enrolment.challenge();
    const signature = Buffer.alloc(70, 1).toString('base64');
    expect(await codeOf(hub.enrolment.renew({ challenge, certificateChainPem, csr, signature }))).toBe(
      'UNAUTHENTICATED',
    );
  });
});
