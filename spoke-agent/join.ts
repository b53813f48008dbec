import { messageOf, PortolanError } from '../src/errors/error.ts';
import { readAgentCertificate, readCertificate, splitPem } from '../src/identity/certificate.ts';
import { createCsr, spkiSha256Of } from '../src/identity/csr.ts';
import { type JoinToken, parseJoinToken } from '../src/identity/join-token.ts';
import { type JoinReply, type JoinRequest, joinReply } from '../src/protocol/join-messages.ts';
import { askHub, CertificateTimeError } from './hub-https.ts';
import {
  forgetPendingKey,
  type IdentityFile,
  loadIdentity,
  pendingKey,
  saveIdentity,
} from './identity-files.ts';

export interface JoinOptions {
  /** `ptl1.…` as the hub printed it. */
  readonly token: string;
  readonly dataDir: string;
  readonly wallMs: () => number;
  /** For each request; default 10 s. */
  readonly timeoutMs?: number;
  /** Takes the place of an identity this data folder already has; else such a join is refused. */
  readonly replaceIdentity?: boolean;
  readonly onProgress?: (step: string) => void;
}

const TIMEOUT_MS = 10_000;
/** Larger differences are named in errors; smaller ones cannot be why a certificate is not valid. */
const NOTABLE_SKEW_MS = 60_000;

/**
 * Makes this data folder an agent of the token's cluster: the hub's CA is fetched without trust and compared with the
 * token's pin, then only that CA is trusted, under the hub's fixed name; the secret goes over that connection alone. The key
 * is on the disk before the request, so a join cut off anywhere can be repeated with the same token.
 * @throws PortolanError JOIN_TOKEN_INVALID, JOIN_TOKEN_EXPIRED, JOIN_TOKEN_USED, CA_PIN_MISMATCH, CLOCK_SKEW,
 *   HUB_UNREACHABLE, CSR_INVALID, ALREADY_EXISTS, DATA_DIR_INVALID, DISK_FULL
 */
export async function joinCluster(options: JoinOptions): Promise<IdentityFile> {
  const token = parseJoinToken(options.token);
  await refuseOtherIdentity(token, options);
  const privateKeyPem = await pendingKey(options.dataDir);
  const request: JoinRequest = {
    clusterUid: token.clusterUid,
    tokenId: token.id,
    secret: token.secret,
    csr: createCsr(privateKeyPem).toString('base64'),
  };
  const reply = await askAnyHub(token, request, options);
  const identity: IdentityFile = {
    hubUid: reply.hubUid,
    clusterUid: reply.clusterUid,
    cluster: reply.cluster,
    agentUid: reply.agentUid,
    generation: reply.generation,
    privateKeyPem,
    certificateChainPem: reply.certificateChainPem,
    caPem: reply.caPem,
    snapshotKeys: reply.snapshotKeys,
    linkAddresses: reply.linkAddresses,
    joinUrls: [...token.urls],
  };
  checkReply(reply, token, privateKeyPem, options.wallMs());
  await saveIdentity(options.dataDir, identity);
  await forgetPendingKey(options.dataDir);
  options.onProgress?.(
    `joined as agent ${reply.agentUid} of cluster ${reply.cluster.namespace}/${reply.cluster.name}`,
  );
  return identity;
}

/** A data folder belongs to one cluster of one hub: joining over another identity would orphan it unseen. */
async function refuseOtherIdentity(token: JoinToken, options: JoinOptions): Promise<void> {
  if (options.replaceIdentity === true) return;
  const present = await loadIdentity(options.dataDir);
  if (present === undefined || present.clusterUid === token.clusterUid) return;
  throw new PortolanError(
    'ALREADY_EXISTS',
    `${options.dataDir} is already the agent of cluster ${present.cluster.namespace}/${present.cluster.name}`,
    { fix: 'Use another --data-dir, or remove this one if that agent is gone for good.' },
  );
}

/** Tries the token's hubs in order; an answer from a hub, good or bad, is final, except that it is not the pinned one. */
async function askAnyHub(token: JoinToken, request: JoinRequest, options: JoinOptions): Promise<JoinReply> {
  let failure = new PortolanError('HUB_UNREACHABLE', 'the join token names no hub');
  for (const origin of token.urls) {
    try {
      return await askOneHub(origin, token, request, options);
    } catch (thrown) {
      const error = PortolanError.from(thrown);
      if (error.code !== 'HUB_UNREACHABLE' && error.code !== 'CA_PIN_MISMATCH') throw error;
      // Of two hubs that fail, an impostor is the more important news.
      if (failure.code !== 'CA_PIN_MISMATCH') failure = error;
    }
  }
  throw failure;
}

async function askOneHub(
  origin: string,
  token: JoinToken,
  request: JoinRequest,
  options: JoinOptions,
): Promise<JoinReply> {
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  options.onProgress?.(`asking ${origin} for its CA`);
  const ca = await askHub({ origin, path: '/ca', trust: 'nobody', timeoutMs });
  const trust = pinnedCas(ca.body, token, origin);
  options.onProgress?.(`the CA is the one the token names; asking ${origin} for an identity`);
  try {
    const { body } = await askHub({ origin, path: '/join', json: request, trust, timeoutMs });
    return joinReply.parse(JSON.parse(body));
  } catch (error) {
    if (error instanceof CertificateTimeError)
      throw clockSkew(options.wallMs(), ca.hubWallMs, messageOf(error), error);
    if (error instanceof PortolanError) throw error;
    throw new PortolanError('HUB_UNREACHABLE', `${origin} answered with something that is no join reply`, {
      cause: error,
      fix: 'Use an agent of the same release as the hub, or one older.',
    });
  }
}

/** The fetched CAs whose public key the token pins, PEM. @throws PortolanError CA_PIN_MISMATCH */
function pinnedCas(bundle: string, token: JoinToken, origin: string): string {
  const pinned = splitPem(bundle).filter((pem) => {
    const certificate = readCertificate(pem);
    return certificate?.ca === true && token.caSpkiSha256.includes(spkiSha256Of(certificate.publicKey));
  });
  if (pinned.length > 0) return pinned.join('');
  throw new PortolanError(
    'CA_PIN_MISMATCH',
    `the CA of the server at ${origin} is not the one the join token pins`,
  );
}

/** The reply came over a trusted connection; this catches wrong clocks and a hub that mixed something up. */
function checkReply(reply: JoinReply, token: JoinToken, privateKeyPem: string, nowMs: number): void {
  const certificate = readAgentCertificate(reply.certificateChainPem);
  const mine =
    certificate !== undefined &&
    reply.clusterUid === token.clusterUid &&
    certificate.principal.clusterUid === token.clusterUid &&
    certificate.principal.agentUid === reply.agentUid &&
    certificate.spkiSha256 === spkiSha256Of(privateKeyPem);
  if (!mine)
    throw new PortolanError(
      'JOIN_TOKEN_INVALID',
      'the hub answered with a certificate that is not for this join',
    );
  if (nowMs < certificate.notBeforeMs || nowMs > certificate.notAfterMs) {
    throw clockSkew(
      nowMs,
      reply.hubWallMs,
      'the certificate the hub issued now is not valid by the clock here',
    );
  }
}

function clockSkew(
  nowMs: number,
  hubWallMs: number | undefined,
  reason: string,
  cause?: unknown,
): PortolanError {
  const deltaMs = hubWallMs === undefined ? undefined : nowMs - hubWallMs;
  if (deltaMs === undefined || Math.abs(deltaMs) < NOTABLE_SKEW_MS) {
    return new PortolanError('CLOCK_SKEW', `the hub's certificate is not valid at this time: ${reason}`, {
      cause,
    });
  }
  const seconds = Math.round(Math.abs(deltaMs) / 1000);
  const direction = deltaMs > 0 ? 'ahead of' : 'behind';
  return new PortolanError(
    'CLOCK_SKEW',
    `this machine's clock is ${seconds} s ${direction} the hub's: ${reason}`,
    { cause },
  );
}
