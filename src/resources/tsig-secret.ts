import { tryParseName } from '../dns/name.ts';
import type { TsigKeyMaterial } from '../protocol/snapshot.ts';
import type { ZoneTransfers } from './zone-transfers.ts';

const ALGORITHMS: readonly TsigKeyMaterial['algorithm'][] = ['hmac-sha256', 'hmac-sha384', 'hmac-sha512'];
/** RFC 8945 section 6: at least as long as half the shortest digest that is accepted here. */
const MINIMUM_OCTETS = 16;
const MAXIMUM_OCTETS = 1024;

/** Names of the Secrets that a zone's transfers use, each once. */
export function tsigSecretsOf(transfers: ZoneTransfers | undefined): readonly string[] {
  if (transfers === undefined) return [];
  const named = [...transfers.allow, ...transfers.notify].flatMap((rule) => rule.tsigSecret ?? []);
  return [...new Set(named)];
}

/**
 * The TSIG key in a Secret's values: `name` (a domain name), `algorithm` and `secret` (base64), as RFC 8945 has them.
 * @returns what is wrong otherwise; the text never has a value of the Secret in it, but for the algorithm's name
 */
export function parseTsigSecret(
  values: Readonly<Record<string, string>>,
): { readonly key: TsigKeyMaterial } | { readonly problem: string } {
  const missing = ['name', 'algorithm', 'secret'].filter((field) => (values[field] ?? '').trim() === '');
  if (missing.length > 0) return { problem: `it has no ${missing.join(', ')}` };
  const name = tryParseName((values.name ?? '').trim());
  if (typeof name !== 'string') return { problem: 'its `name` is not a domain name' };
  const wanted = (values.algorithm ?? '').trim().toLowerCase().replace(/\.$/, '');
  const algorithm = ALGORITHMS.find((known) => known === wanted);
  if (algorithm === undefined) return { problem: `its \`algorithm\` is not one of ${ALGORITHMS.join(', ')}` };
  const secret = (values.secret ?? '').trim();
  const octets = Buffer.from(secret, 'base64');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(secret) || octets.toString('base64') !== secret) {
    return { problem: 'its `secret` is not base64' };
  }
  if (octets.length < MINIMUM_OCTETS || octets.length > MAXIMUM_OCTETS) {
    return {
      problem: `its \`secret\` has ${octets.length} octets instead of ${MINIMUM_OCTETS} to ${MAXIMUM_OCTETS}`,
    };
  }
  return { key: { name, algorithm, secret } };
}
