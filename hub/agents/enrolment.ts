import { createHmac, randomUUID, timingSafeEqual, verify } from 'node:crypto';
import { PortolanError } from '../../src/errors/error.ts';
import { RENEWAL_GRACE_MS, verifiedCsrKey } from '../../src/identity/ca.ts';
import {
  type AgentCertificate,
  readAgentCertificate,
  readCertificate,
  splitPem,
} from '../../src/identity/certificate.ts';
import { spkiSha256Of } from '../../src/identity/csr.ts';
import { joinSecretSha256 } from '../../src/identity/join-token.ts';
import {
  type JoinReply,
  type JoinRequest,
  type RenewRequest,
  renewalProof,
} from '../../src/protocol/join-messages.ts';
import type { AgentIdentity, Store } from '../store/contract.ts';
import type { Authority } from './authority.ts';

/** Gives identities to agents: by join token, and new certificates to those that have one. */
export interface Enrolment {
  /** @throws PortolanError JOIN_TOKEN_INVALID, JOIN_TOKEN_EXPIRED, JOIN_TOKEN_USED, CSR_INVALID, AGENT_REVOKED */
  join(request: JoinRequest): Promise<JoinReply>;
  /** A short-lived challenge: it makes a recorded renewal worthless. */
  challenge(): string;
  /** Renewal over the join listener, up to 7 days after the certificate's end. @throws PortolanError AGENT_CERTIFICATE_EXPIRED, … */
  renew(request: RenewRequest): Promise<string>;
  /** Renewal for an agent that TLS has already authenticated with this certificate. */
  renewFor(certificate: AgentCertificate, csrDer: Uint8Array): Promise<string>;
}

type EnrolmentStore = Pick<Store, 'claimJoinToken' | 'get' | 'agent' | 'updateAgent' | 'hubUid'>;

export interface EnrolmentOptions {
  readonly authority: Authority;
  readonly store: EnrolmentStore;
  readonly wallMs: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  /** `host:port` of the agent link as agents reach it, in order of preference. */
  readonly linkAddresses: () => readonly string[];
  /** Told of every successful join, so that streams of an identity it replaces can be cut at once. */
  readonly onJoined?: (identity: AgentIdentity) => void;
}

const CHALLENGE_LIFE_MS = 60_000;

export function createEnrolment(options: EnrolmentOptions): Enrolment {
  const { authority, store } = options;
  const challengeKey = options.randomBytes(32);

  const seal = (issuedAtMs: string): string =>
    createHmac('sha256', challengeKey).update(issuedAtMs).digest('hex');

  const challengeHolds = (challenge: string): boolean => {
    const [issuedAtMs = '', mac = ''] = challenge.split('.');
    const expected = Buffer.from(seal(issuedAtMs));
    const given = Buffer.from(mac);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return false;
    const ageMs = options.wallMs() - Number(issuedAtMs);
    return ageMs >= 0 && ageMs <= CHALLENGE_LIFE_MS;
  };

  const renewFor = async (certificate: AgentCertificate, csrDer: Uint8Array): Promise<string> => {
    const { principal } = certificate;
    await requireCurrent(store, certificate);
    const key = await verifiedCsrKey(csrDer);
    if (spkiSha256Of(key) === certificate.spkiSha256) {
      throw new PortolanError('CSR_INVALID', 'a renewal needs a new key; the request repeats the old one');
    }
    const { generation } = certificate;
    const chain = await authority.ca.issueAgent({ csrDer, principal, generation, nowMs: options.wallMs() });
    await store.updateAgent(
      principal.agentUid,
      { certificateChainPem: chain },
      { id: `agent/${principal.agentUid}`, display: 'certificate renewal' },
    );
    return chain;
  };

  return {
    async join(request) {
      const csrDer = Buffer.from(request.csr, 'base64');
      const spkiSha256 = spkiSha256Of(await verifiedCsrKey(csrDer));
      const identity = await store.claimJoinToken({
        id: request.tokenId,
        secretSha256: joinSecretSha256(request.secret),
        spkiSha256,
        issue: async (token, previous) => {
          requireCluster(token.clusterUid, request.clusterUid);
          const cluster = await store.get(token.cluster);
          if (
            cluster?.metadata.uid !== token.clusterUid ||
            cluster.metadata.deletionTimestamp !== undefined
          ) {
            throw new PortolanError('JOIN_TOKEN_INVALID', 'the cluster of the join token was deleted');
          }
          const nowMs = options.wallMs();
          const agentUid = previous?.agentUid ?? randomUUID();
          const generation = (previous?.generation ?? 0) + 1;
          const principal = { hubUid: store.hubUid, clusterUid: token.clusterUid, agentUid };
          return {
            agentUid,
            clusterUid: token.clusterUid,
            cluster: token.cluster,
            generation,
            revoked: false,
            joinedAt: new Date(nowMs).toISOString(),
            spkiSha256,
            certificateChainPem: await authority.ca.issueAgent({ csrDer, principal, generation, nowMs }),
          };
        },
      });
      requireCluster(identity.clusterUid, request.clusterUid);
      if (readAgentCertificate(identity.certificateChainPem)?.spkiSha256 !== spkiSha256) {
        throw new PortolanError(
          'JOIN_TOKEN_USED',
          'the join token was used and its agent has since renewed its certificate with another key',
        );
      }
      options.onJoined?.(identity);
      return {
        hubUid: store.hubUid,
        clusterUid: identity.clusterUid,
        cluster: { namespace: identity.cluster.namespace, name: identity.cluster.name },
        agentUid: identity.agentUid,
        generation: identity.generation,
        certificateChainPem: identity.certificateChainPem,
        caPem: authority.caBundlePem,
        linkAddresses: [...options.linkAddresses()],
        snapshotKeys: [...authority.snapshotKeys],
        hubWallMs: Math.floor(options.wallMs()),
      };
    },

    challenge() {
      const issuedAtMs = String(Math.floor(options.wallMs()));
      return `${issuedAtMs}.${seal(issuedAtMs)}`;
    },

    async renew(request) {
      if (!challengeHolds(request.challenge)) {
        throw new PortolanError(
          'UNAUTHENTICATED',
          'the challenge is not of this hub or is older than a minute',
          {
            fix: 'The agent asks for another challenge and tries again by itself.',
          },
        );
      }
      const leaf = splitPem(request.certificateChainPem)[0] ?? '';
      const certificate = readAgentCertificate(leaf);
      const x509 = readCertificate(leaf);
      const csrDer = Buffer.from(request.csr, 'base64');
      const issued = x509 !== undefined && isIssuedBy(authority, x509);
      if (certificate === undefined || x509 === undefined || !issued) {
        throw new PortolanError('UNAUTHENTICATED', 'the certificate to renew was not issued by this hub');
      }
      const proof = renewalProof(request.challenge, csrDer);
      if (!verify('sha256', proof, x509.publicKey, Buffer.from(request.signature, 'base64'))) {
        throw new PortolanError(
          'UNAUTHENTICATED',
          'the renewal is not signed with the key of the certificate',
        );
      }
      if (options.wallMs() > certificate.notAfterMs + RENEWAL_GRACE_MS) {
        throw new PortolanError(
          'AGENT_CERTIFICATE_EXPIRED',
          `the agent's certificate ended at ${new Date(certificate.notAfterMs).toISOString()}, more than 7 days ago`,
        );
      }
      return await renewFor(certificate, csrDer);
    },

    renewFor,
  };
}

/**
 * The stored identity a certificate stands for.
 * @throws PortolanError UNAUTHENTICATED when it is of another hub or unknown, AGENT_REVOKED when revoked or replaced since
 */
export async function requireCurrent(
  store: Pick<Store, 'agent' | 'hubUid'>,
  certificate: AgentCertificate,
): Promise<AgentIdentity> {
  const { principal, generation } = certificate;
  if (principal.hubUid !== store.hubUid) {
    throw new PortolanError('UNAUTHENTICATED', 'the certificate belongs to an agent of another hub', {
      fix: 'Join this hub with a token of its own.',
    });
  }
  const identity = await store.agent(principal.agentUid);
  if (identity === undefined || identity.clusterUid !== principal.clusterUid) {
    throw new PortolanError('UNAUTHENTICATED', `agent ${principal.agentUid} is not known to this hub`, {
      fix: 'Join again with a new token.',
    });
  }
  if (identity.revoked) throw new PortolanError('AGENT_REVOKED', `agent ${principal.agentUid} was revoked`);
  if (identity.generation !== generation) {
    throw new PortolanError('AGENT_REVOKED', `agent ${principal.agentUid} was replaced by a later join`);
  }
  return identity;
}

function isIssuedBy(authority: Authority, leaf: NonNullable<ReturnType<typeof readCertificate>>): boolean {
  return splitPem(authority.caBundlePem).some((pem) => {
    const ca = readCertificate(pem);
    return ca !== undefined && leaf.checkIssued(ca) && leaf.verify(ca.publicKey);
  });
}

function requireCluster(ofToken: string, asked: string): void {
  if (ofToken === asked) return;
  throw new PortolanError(
    'JOIN_TOKEN_INVALID',
    'the join token is for another cluster than the one it names',
  );
}
