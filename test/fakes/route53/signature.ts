import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** What AWS says of a request that it does not accept from this caller; HTTP 403. */
export interface Unsigned {
  readonly code:
    | 'MissingAuthenticationToken'
    | 'IncompleteSignature'
    | 'InvalidClientTokenId'
    | 'SignatureDoesNotMatch';
  readonly message: string;
}

/** More than that many milliseconds off, a request is refused. */
const SKEW_MS = 300_000;

/**
 * Verifies AWS Signature Version 4: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 * @returns undefined when it is right
 */
export function unsigned(
  request: IncomingMessage,
  body: string,
  keys: ReadonlyMap<string, string>,
): Unsigned | undefined {
  const header = request.headers.authorization;
  if (header === undefined)
    return { code: 'MissingAuthenticationToken', message: 'Request is missing Authentication Token' };
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([a-z0-9-]+)\/route53\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/.exec(
      header,
    );
  const stamp = request.headers['x-amz-date'];
  if (match === null || typeof stamp !== 'string')
    return { code: 'IncompleteSignature', message: 'The Authorization header is not complete' };
  const [, keyId = '', date = '', region = '', signedHeaders = '', signature = ''] = match;
  const secret = keys.get(keyId);
  if (secret === undefined)
    return { code: 'InvalidClientTokenId', message: 'The security token included in the request is invalid' };
  const at = Date.parse(stamp.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (!(Math.abs(Date.now() - at) <= SKEW_MS))
    return { code: 'SignatureDoesNotMatch', message: `Signature expired: ${stamp}` };

  const url = new URL(request.url ?? '/', 'http://localhost');
  const query = [...url.searchParams]
    .map(([key, value]): [string, string] => [encode(key), encode(value)])
    .sort(([a, x], [b, y]) => (a === b ? (x < y ? -1 : 1) : a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join('&');
  const names = signedHeaders.split(';');
  if (!names.includes('host')) return { code: 'IncompleteSignature', message: "'Host' must be signed" };
  const canonical = [
    request.method ?? '',
    // Encoded twice, as for every service but S3.
    url.pathname.split('/').map(encode).join('/'),
    query,
    ...names.map(
      (name) =>
        `${name}:${String(request.headers[name] ?? '')
          .trim()
          .replace(/ +/g, ' ')}`,
    ),
    '',
    signedHeaders,
    createHash('sha256').update(body).digest('hex'),
  ].join('\n');
  const scope = `${date}/${region}/route53/aws4_request`;
  const toSign = [
    'AWS4-HMAC-SHA256',
    stamp,
    scope,
    createHash('sha256').update(canonical).digest('hex'),
  ].join('\n');
  const mac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
  const signing = mac(mac(mac(mac(`AWS4${secret}`, date), region), 'route53'), 'aws4_request');
  if (mac(signing, toSign).toString('hex') === signature) return undefined;
  return {
    code: 'SignatureDoesNotMatch',
    message: 'The request signature we calculated does not match the signature you provided.',
  };
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
