import { X509Certificate } from 'node:crypto';
import * as tls from 'node:tls';
import { ProbeUnable } from './probe.ts';

const MAX_CONTEXTS = 64;
const contexts = new Map<string, tls.SecureContext>();

/**
 * What a probe trusts: the certificates of the check's bundle and nothing else, or without one the roots of the operating
 * system and of Node.js together (a minimal container has no roots of its own). Parsing takes milliseconds, so contexts are
 * kept; they hold no sessions. The oldest makes room.
 * @param bundle PEM.
 * @throws ProbeUnable when the bundle cannot be read
 */
export function trustContext(bundle: string | undefined): tls.SecureContext {
  const key = bundle ?? '';
  const known = contexts.get(key);
  if (known !== undefined) return known;
  const context = tls.createSecureContext({
    ca: bundle === undefined ? systemRoots() : certificatesOf(bundle),
  });
  const oldest = contexts.keys().next();
  if (contexts.size >= MAX_CONTEXTS && oldest.done === false) contexts.delete(oldest.value);
  contexts.set(key, context);
  return context;
}

/** Node.js 22.12 to 22.14 cannot read the operating system's store: its own roots remain. */
function systemRoots(): string[] {
  const read: Partial<Pick<typeof tls, 'getCACertificates'>> = tls;
  if (read.getCACertificates === undefined) return [...tls.rootCertificates];
  return [...new Set([...read.getCACertificates('default'), ...read.getCACertificates('system')])];
}

/** Node.js skips what it cannot read in a bundle; here it would turn the operator's mistake into the endpoint's failure. */
function certificatesOf(bundle: string): string[] {
  const blocks = bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new ProbeUnable('the CA bundle holds no PEM certificate');
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch (thrown) {
      throw new ProbeUnable(`certificate ${index + 1} of the CA bundle cannot be read`, { cause: thrown });
    }
  }
  return blocks;
}
