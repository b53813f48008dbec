import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  webcrypto,
  X509Certificate,
} from 'node:crypto';
import type { Extension, X509CertificateCreateParamsName } from '@peculiar/x509';
import { messageOf, PortolanError } from '../errors/error.ts';
import { HUB_SERVER_NAME } from './certificate.ts';
import { spkiSha256Of } from './csr.ts';
import { type AgentPrincipal, formatPrincipal } from './principal.ts';

/** Life of an agent's certificate; it is renewed when a third has passed. */
const AGENT_CERTIFICATE_LIFE_MS = 7 * 86_400_000;
/** How long after its end an unrevoked agent certificate may still be renewed. */
export const RENEWAL_GRACE_MS = 7 * 86_400_000;
/** Certificates start this much in the past, so that a clock a little behind can use them at once. */
const BACKDATE_MS = 15 * 60_000;
const SERVER_CERTIFICATE_LIFE_MS = 30 * 86_400_000;
const CA_LIFE_MS = 10 * 365 * 86_400_000;
/** Longer ones no browser takes, wherever they come from. */
const MAX_REQUESTED_LIFE_MS = 397 * 86_400_000;

const ECDSA = { name: 'ECDSA', hash: 'SHA-256' };
const P256 = { name: 'ECDSA', namedCurve: 'P-256' };
const MAX_CSR_OCTETS = 4_096;
/** With a hundred of the longest names in it. */
const MAX_NAMED_CSR_OCTETS = 65_536;

/** The hub's own CA as stored: the key is PKCS#8 PEM and must be sealed before it rests anywhere. */
export interface CaMaterial {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

export interface CertificateAuthority {
  readonly certificatePem: string;
  /** SHA-256 (hex) of the CA's SPKI: the pin of join tokens. */
  readonly spkiSha256: string;
  /**
   * A certificate for the key of the request, for 7 days from `nowMs` − 15 min: client and server (peers serve each
   * other). Whatever names or extensions the request asks for are ignored. Resolves to PEM, leaf first.
   * @throws PortolanError CSR_INVALID
   */
  issueAgent(request: {
    readonly csrDer: Uint8Array;
    readonly principal: AgentPrincipal;
    readonly generation: number;
    readonly nowMs: number;
  }): Promise<string>;
  /** A new key with a 30-day certificate for `hub.portolan.internal`, server use only. */
  issueHubServer(nowMs: number): Promise<ServerKeyPair>;
  /** A new P-256 key with a 30-day certificate for these DNS names (a wildcard as left-most label) and addresses, server use only. */
  issueServer(request: {
    readonly dnsNames: readonly string[];
    readonly addresses?: readonly string[];
    readonly nowMs: number;
  }): Promise<ServerKeyPair>;
  /**
   * A certificate for these DNS names and the key of the request (ECDSA P-256 or P-384, RSA from 2048 bits), for servers and clients.
   * Whatever else the request asks for is ignored. Resolves to PEM.
   * @throws PortolanError CSR_INVALID
   */
  issueFromRequest(request: {
    readonly csrDer: Uint8Array;
    readonly dnsNames: readonly string[];
    readonly nowMs: number;
    /** At most 397 days. */
    readonly lifeMs: number;
  }): Promise<string>;
}

/** PEM both: the leaf's certificate, and its key as PKCS#8. */
export interface ServerKeyPair {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** The library loads only where certificates are made: it costs 22 MB and 0.1 s. */
async function x509() {
  await import('reflect-metadata');
  return await import('@peculiar/x509');
}

/** A new self-signed CA for one installation; P-256, ten years. `randomBytes` gives the serial number. */
export async function createCa(options: {
  readonly hubUid: string;
  /** Default: `portolan hub <uid>`. */
  readonly commonName?: string;
  readonly nowMs: number;
  readonly randomBytes: (count: number) => Uint8Array;
}): Promise<CaMaterial> {
  const lib = await x509();
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const privateKeyPem = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const certificate = await lib.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialFrom(options.randomBytes),
    name: [{ O: ['portolan'] }, { CN: [options.commonName ?? `portolan hub ${options.hubUid}`] }],
    notBefore: new Date(options.nowMs - BACKDATE_MS),
    notAfter: new Date(options.nowMs + CA_LIFE_MS),
    signingAlgorithm: ECDSA,
    keys: { privateKey: await signingKey(keys.privateKey), publicKey: await verifyingKey(keys.publicKey) },
    extensions: [
      new lib.BasicConstraintsExtension(true, 0, true),
      new lib.KeyUsagesExtension(lib.KeyUsageFlags.keyCertSign | lib.KeyUsageFlags.cRLSign, true),
      await lib.SubjectKeyIdentifierExtension.create(await verifyingKey(keys.publicKey)),
    ],
  });
  return { certificatePem: `${certificate.toString('pem')}\n`, privateKeyPem };
}

/** @throws PortolanError STORE_CORRUPT when the key does not belong to the certificate */
export async function openCa(
  material: CaMaterial,
  randomBytes: (count: number) => Uint8Array,
): Promise<CertificateAuthority> {
  const lib = await x509();
  const issuer = new X509Certificate(material.certificatePem);
  const caKey = createPrivateKey(material.privateKeyPem);
  if (!issuer.checkPrivateKey(caKey)) {
    throw new PortolanError('STORE_CORRUPT', "the hub's stored CA key does not belong to its CA certificate");
  }
  const issuerName = new lib.X509Certificate(issuer.raw).subjectName;
  const key = await signingKey(caKey);
  const authorityKey = await lib.AuthorityKeyIdentifierExtension.create(await verifyingKey(issuer.publicKey));

  const issue = async (leaf: {
    readonly publicKey: KeyObject;
    readonly subject: X509CertificateCreateParamsName;
    readonly nowMs: number;
    readonly lifeMs: number;
    readonly extensions: readonly Extension[];
  }): Promise<string> => {
    const publicKey = Uint8Array.from(leaf.publicKey.export({ type: 'spki', format: 'der' }));
    const certificate = await lib.X509CertificateGenerator.create({
      serialNumber: serialFrom(randomBytes),
      issuer: issuerName,
      subject: leaf.subject,
      notBefore: new Date(leaf.nowMs - BACKDATE_MS),
      notAfter: new Date(leaf.nowMs + leaf.lifeMs),
      signingAlgorithm: ECDSA,
      publicKey,
      signingKey: key,
      extensions: [
        new lib.BasicConstraintsExtension(false, undefined, true),
        new lib.KeyUsagesExtension(lib.KeyUsageFlags.digitalSignature, true),
        authorityKey,
        await lib.SubjectKeyIdentifierExtension.create(publicKey),
        ...leaf.extensions,
      ],
    });
    return `${certificate.toString('pem')}\n`;
  };

  const issueServer: CertificateAuthority['issueServer'] = async ({ dnsNames, addresses = [], nowMs }) => {
    const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const certificatePem = await issue({
      publicKey: keys.publicKey,
      nowMs,
      lifeMs: SERVER_CERTIFICATE_LIFE_MS,
      // A common name has at most 64 characters (RFC 5280 appendix A); nobody reads it where there are alternative names.
      subject: [{ CN: [(dnsNames[0] ?? '').slice(0, 64)] }],
      extensions: [
        new lib.ExtendedKeyUsageExtension([lib.ExtendedKeyUsage.serverAuth]),
        new lib.SubjectAlternativeNameExtension([
          ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
          ...addresses.map((value) => ({ type: 'ip' as const, value })),
        ]),
      ],
    });
    return {
      certificatePem,
      privateKeyPem: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
  };

  return {
    certificatePem: material.certificatePem,
    spkiSha256: spkiSha256Of(issuer.publicKey),
    async issueAgent({ csrDer, principal, generation, nowMs }) {
      const publicKey = await verifiedCsrKey(csrDer);
      return await issue({
        publicKey,
        nowMs,
        lifeMs: AGENT_CERTIFICATE_LIFE_MS,
        // The generation stands in the subject: a SPIFFE certificate has exactly one URI and no room in it.
        subject: [{ CN: [principal.agentUid] }, { '2.5.4.5': [String(generation)] }],
        extensions: [
          new lib.ExtendedKeyUsageExtension([
            lib.ExtendedKeyUsage.clientAuth,
            lib.ExtendedKeyUsage.serverAuth,
          ]),
          new lib.SubjectAlternativeNameExtension([{ type: 'url', value: formatPrincipal(principal) }]),
        ],
      });
    },
    issueHubServer: (nowMs) => issueServer({ dnsNames: [HUB_SERVER_NAME], nowMs }),
    issueServer,
    async issueFromRequest({ csrDer, dnsNames, nowMs, lifeMs }) {
      const publicKey = await verifiedRequestKey(csrDer, MAX_NAMED_CSR_OCTETS, isServerKey);
      return await issue({
        publicKey,
        nowMs,
        lifeMs: Math.min(lifeMs, MAX_REQUESTED_LIFE_MS),
        subject: [{ CN: [(dnsNames[0] ?? '').slice(0, 64)] }],
        extensions: [
          new lib.ExtendedKeyUsageExtension([
            lib.ExtendedKeyUsage.serverAuth,
            lib.ExtendedKeyUsage.clientAuth,
          ]),
          new lib.SubjectAlternativeNameExtension(dnsNames.map((value) => ({ type: 'dns', value }))),
        ],
      });
    },
  };
}

/**
 * The public key of a certificate request whose signature proves possession of it. Only P-256 is taken.
 * @throws PortolanError CSR_INVALID
 */
export function verifiedCsrKey(csrDer: Uint8Array): Promise<KeyObject> {
  return verifiedRequestKey(csrDer, MAX_CSR_OCTETS, (key) =>
    curveOf(key) === 'prime256v1' ? undefined : 'its key is not an EC key on P-256',
  );
}

const curveOf = (key: KeyObject): string | undefined =>
  key.asymmetricKeyType === 'ec' ? key.asymmetricKeyDetails?.namedCurve : undefined;

function isServerKey(key: KeyObject): string | undefined {
  if (['prime256v1', 'secp384r1'].includes(curveOf(key) ?? '')) return undefined;
  const bits = key.asymmetricKeyType === 'rsa' ? (key.asymmetricKeyDetails?.modulusLength ?? 0) : 0;
  return bits >= 2048 && bits <= 4096
    ? undefined
    : 'its key is neither ECDSA P-256 or P-384 nor RSA 2048 to 4096';
}

async function verifiedRequestKey(
  csrDer: Uint8Array,
  maxOctets: number,
  refusal: (key: KeyObject) => string | undefined,
): Promise<KeyObject> {
  if (csrDer.length > maxOctets) throw csrInvalid(`it is longer than ${maxOctets} octets`);
  const lib = await x509();
  let publicKey: KeyObject;
  let verified: boolean;
  try {
    const request = new lib.Pkcs10CertificateRequest(Uint8Array.from(csrDer));
    publicKey = createPublicKey({ key: Buffer.from(request.publicKey.rawData), format: 'der', type: 'spki' });
    const refused = refusal(publicKey);
    if (refused !== undefined) throw csrInvalid(refused);
    verified = await request.verify();
  } catch (error) {
    if (error instanceof PortolanError) throw error;
    throw csrInvalid(messageOf(error), error);
  }
  if (!verified) throw csrInvalid('its signature does not fit its key');
  return publicKey;
}

function csrInvalid(reason: string, cause?: unknown): PortolanError {
  return new PortolanError('CSR_INVALID', `the certificate request is refused: ${reason}`, { cause });
}

async function signingKey(key: KeyObject): Promise<webcrypto.CryptoKey> {
  const der = key.export({ type: 'pkcs8', format: 'der' });
  return await webcrypto.subtle.importKey('pkcs8', Uint8Array.from(der), P256, false, ['sign']);
}

async function verifyingKey(key: KeyObject): Promise<webcrypto.CryptoKey> {
  const der = key.export({ type: 'spki', format: 'der' });
  return await webcrypto.subtle.importKey('spki', Uint8Array.from(der), P256, true, ['verify']);
}

/** 127 random bits, never zero and never negative (RFC 5280 section 4.1.2.2). */
function serialFrom(randomBytes: (count: number) => Uint8Array): string {
  const bytes = Buffer.from(randomBytes(16));
  bytes.writeUInt8((bytes.readUInt8(0) & 0x3f) | 0x40, 0);
  return bytes.toString('hex');
}
