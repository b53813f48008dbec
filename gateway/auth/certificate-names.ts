import type { X509Certificate } from 'node:crypto';

export interface CertificateNames {
  /** RFC 4514, most specific part first: `CN=billing,O=Example`. */
  readonly subject: string;
  readonly commonName: string | undefined;
  readonly dns: readonly string[];
  /** The SPIFFE ID: only with exactly one URI name (SPIFFE X509-SVID section 2). */
  readonly spiffe: string | undefined;
}

export function namesOf(certificate: X509Certificate): CertificateNames {
  // One line per part, escaped as RFC 2253 says, in the order of the certificate.
  const parts = certificate.subject === undefined ? [] : certificate.subject.split('\n');
  const names = alternativeNames(certificate.subjectAltName);
  const uris = names.filter((name) => name.type === 'URI');
  const [uri] = uris;
  return {
    subject: parts.toReversed().join(','),
    commonName: parts.findLast((part) => part.startsWith('CN='))?.slice(3),
    dns: names.filter((name) => name.type === 'DNS').map((name) => name.value.toLowerCase()),
    spiffe: uris.length === 1 && uri?.value.startsWith('spiffe://') === true ? uri.value : undefined,
  };
}

/**
 * The names in Node's text form, `DNS:a.example, URI:"spiffe://a, b"`: values that could be mistaken for several stand in quotes, as
 * JSON text. What does not read this way gives no names at all.
 */
export function alternativeNames(
  text: string | undefined,
): readonly { readonly type: string; readonly value: string }[] {
  const names: { type: string; value: string }[] = [];
  let rest = text ?? '';
  while (rest !== '') {
    const match = /^([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/.exec(rest);
    if (match === null) return [];
    const [whole, type = '', shown = ''] = match;
    const value = shown.startsWith('"') ? unquoted(shown) : shown;
    if (value === undefined) return [];
    names.push({ type, value });
    rest = rest.slice(whole.length);
  }
  return names;
}

function unquoted(shown: string): string | undefined {
  try {
    const value: unknown = JSON.parse(shown);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
