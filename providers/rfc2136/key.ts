import { parseTsigKey, type TsigKey } from '../../src/dns/tsig-key.ts';
import { ProviderError } from '../contract.ts';

const FIELDS =
  'It needs `name`, `algorithm` (hmac-sha256, hmac-sha384 or hmac-sha512) and `secret` (base64).';
const MAKE =
  'Make a key by `tsig-keygen -a hmac-sha256 portolan` (BIND) or `keymgr -t portolan hmac-sha256` (Knot), give it to the server, and write its name, algorithm and secret into the Secret.';

/**
 * The TSIG key in a Secret. Kerberos (GSS-TSIG, RFC 3645) is refused.
 * @throws ProviderError `denied`; no message holds the secret
 */
export function keyOfSecret(secret: Readonly<Record<string, string>>): TsigKey {
  const { name, algorithm = '', secret: octets } = secret;
  if (/^gss[-.]/i.test(algorithm) || 'principal' in secret || 'keytab' in secret)
    throw new ProviderError(
      'denied',
      'the Secret is for GSS-TSIG (Kerberos), which is not spoken here: only TSIG with a shared key is',
      {
        fix: `${MAKE} A Microsoft DNS server takes updates signed by GSS-TSIG only: put a zone of its own on BIND or Knot, and delegate the hostnames to it.`,
      },
    );
  if (name === undefined || algorithm === '' || octets === undefined) {
    const missing = ['name', 'algorithm', 'secret'].filter((field) => (secret[field] ?? '') === '');
    throw new ProviderError('denied', `the Secret of the TSIG key has no ${missing.join(' and no ')}`, {
      fix: `${FIELDS} ${MAKE}`,
    });
  }
  try {
    return parseTsigKey({ name: name.trim(), algorithm: algorithm.trim(), secret: octets });
  } catch (thrown) {
    throw ProviderError.from('denied', thrown);
  }
}
