import { z } from 'zod';
import { PortolanError } from '../../src/errors/error.ts';
import { type CertificateAuthority, createCa, openCa } from '../../src/identity/ca.ts';
import { readCertificate } from '../../src/identity/certificate.ts';
import type { GatewaySecrets } from '../../src/policy/model.ts';
import type { KeySealing } from '../agents/authority.ts';
import type { Store } from '../store/contract.ts';

const CA_KEY = 'gateway/development-ca';
/** A certificate of 30 days is replaced when a third of them has passed. */
const RENEW_AFTER_MS = 10 * 86_400_000;

type CertificatePair = GatewaySecrets['certificates'][string];

/**
 * A CA of the hub's own for listeners without a certificate of a public one: for development, and between own services. Its key and
 * the certificates' keys rest sealed in the store (I33). Nothing is made before a listener asks for it.
 */
export interface DevelopmentCa {
  /** PEM, for clients that shall trust it. */
  certificatePem(): Promise<string>;
  /**
   * The certificate kept under `id` for exactly these DNS names; made anew when there is none, or a third of its life has passed.
   * @throws PortolanError STORE_UNAVAILABLE, KEY_WRONG
   */
  certificate(id: string, dnsNames: readonly string[]): Promise<CertificatePair>;
  /** True when a certificate that was given out should be asked for again. */
  due(): boolean;
  /** A certificate, not kept here, for the key of a request; see `CertificateAuthority.issueFromRequest`. @throws PortolanError CSR_INVALID */
  issueFromRequest: CertificateAuthority['issueFromRequest'];
}

const storedCa = z.object({ certificatePem: z.string(), keySealed: z.string() });
const storedLeaf = z.object({
  dnsNames: z.array(z.string()),
  certificatePem: z.string(),
  keySealed: z.string(),
  renewAtMs: z.number(),
});

interface Leaf {
  readonly dnsNames: readonly string[];
  readonly pair: CertificatePair;
  readonly issuedAtMs: number;
  readonly renewAtMs: number;
}

export function createDevelopmentCa(options: {
  readonly store: Pick<Store, 'getMeta' | 'putMeta' | 'hubUid'>;
  readonly sealing: KeySealing;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly wallMs: () => number;
}): DevelopmentCa {
  const { store, sealing, randomBytes, wallMs } = options;
  const context = (key: string): string => `${store.hubUid}/${key}`;
  const leaves = new Map<string, Leaf>();
  let opening: Promise<CertificateAuthority> | undefined;

  /** One CA, however many ask at once; after a failure the next one tries again. */
  function authority(): Promise<CertificateAuthority> {
    opening ??= open().catch((thrown: unknown) => {
      opening = undefined;
      throw thrown;
    });
    return opening;
  }

  async function open(): Promise<CertificateAuthority> {
    let text = await store.getMeta(CA_KEY);
    if (text === undefined) {
      const made = await createCa({
        hubUid: store.hubUid,
        commonName: `portolan development CA ${store.hubUid}`.slice(0, 64),
        nowMs: wallMs(),
        randomBytes,
      });
      text = JSON.stringify({
        certificatePem: made.certificatePem,
        keySealed: await sealing.seal(made.privateKeyPem, context(CA_KEY)),
      } satisfies z.output<typeof storedCa>);
      await store.putMeta(CA_KEY, text);
    }
    const { certificatePem, keySealed } = read(storedCa, text);
    return openCa(
      { certificatePem, privateKeyPem: await sealing.open(keySealed, context(CA_KEY)) },
      randomBytes,
    );
  }

  /** A clock set back to before a certificate was made needs a new one as much as one that ran on. */
  const isDue = (leaf: Leaf): boolean => wallMs() >= leaf.renewAtMs || wallMs() < leaf.issuedAtMs;
  const fits = (leaf: Leaf | undefined, dnsNames: readonly string[]): leaf is Leaf =>
    leaf !== undefined && !isDue(leaf) && leaf.dnsNames.join(' ') === dnsNames.join(' ');

  async function stored(key: string): Promise<Leaf | undefined> {
    const text = await store.getMeta(key);
    if (text === undefined) return undefined;
    const leaf = read(storedLeaf, text);
    const { certificatePem, renewAtMs, dnsNames } = leaf;
    // One of an earlier CA is of no use to those who trust this one.
    const certificate = readCertificate(certificatePem);
    const issuer = readCertificate((await authority()).certificatePem);
    if (certificate === undefined || issuer === undefined || !certificate.verify(issuer.publicKey))
      return undefined;
    return {
      dnsNames,
      pair: { certificatePem, keyPem: await sealing.open(leaf.keySealed, context(key)) },
      issuedAtMs: renewAtMs - RENEW_AFTER_MS,
      renewAtMs,
    };
  }

  return {
    certificatePem: async () => (await authority()).certificatePem,
    async certificate(id, dnsNames) {
      const known = leaves.get(id);
      if (fits(known, dnsNames)) return known.pair;
      const key = `gateway/certificate/${id}`;
      const kept = await stored(key);
      if (fits(kept, dnsNames)) {
        leaves.set(id, kept);
        return kept.pair;
      }
      const nowMs = wallMs();
      const made = await (await authority()).issueServer({ dnsNames, nowMs });
      const renewAtMs = nowMs + RENEW_AFTER_MS;
      const pair = { certificatePem: made.certificatePem, keyPem: made.privateKeyPem };
      await store.putMeta(
        key,
        JSON.stringify({
          dnsNames: [...dnsNames],
          certificatePem: pair.certificatePem,
          keySealed: await sealing.seal(pair.keyPem, context(key)),
          renewAtMs,
        } satisfies z.output<typeof storedLeaf>),
      );
      leaves.set(id, { dnsNames, pair, issuedAtMs: nowMs, renewAtMs });
      return pair;
    },
    due: () => [...leaves.values()].some(isDue),
    issueFromRequest: async (request) => (await authority()).issueFromRequest(request),
  };
}

function read<S extends z.ZodType>(schema: S, text: string): z.output<S> {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new PortolanError('STORE_CORRUPT', "the hub's stored development CA cannot be read", {
      cause: error,
    });
  }
}
