import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  SignJWT,
} from 'jose';
import { START_MS } from './world.ts';

/** A pair of keys with its public half as the issuer publishes it. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK;
}

export async function signingKey(
  kid: string,
  alg: 'RS256' | 'ES256' | 'EdDSA' = 'ES256',
): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

/** A token issuer on loopback: discovery, keys, userinfo and introspection over real HTTP. */
export interface TestIssuer {
  readonly url: string;
  keys: readonly JWK[];
  /** `down`: every connection is broken; `error`: 500; `slow`: never answers. */
  state: 'up' | 'down' | 'error' | 'slow';
  /** What discovery says its issuer is, when it lies. */
  claimedIssuer: string | undefined;
  /** Takes the place of an answer. */
  answers: Map<string, (request: IncomingMessage, body: string, response: ServerResponse) => void>;
  /** Requests by path. */
  readonly asked: Map<string, number>;
  close(): Promise<void>;
}

export async function startIssuer(keys: readonly SigningKey[]): Promise<TestIssuer> {
  const asked = new Map<string, number>();
  const server: Server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    asked.set(path, (asked.get(path) ?? 0) + 1);
    if (issuer.state === 'down') return void request.socket.destroy();
    if (issuer.state === 'error') return void response.writeHead(500).end('{}');
    if (issuer.state === 'slow') return undefined;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const own = issuer.answers.get(path);
      if (own !== undefined) return own(request, Buffer.concat(chunks).toString(), response);
      response.setHeader('content-type', 'application/json');
      if (path === '/.well-known/openid-configuration') {
        const { url } = issuer;
        return void response.end(
          JSON.stringify({
            issuer: issuer.claimedIssuer ?? url,
            jwks_uri: `${url}/jwks`,
            userinfo_endpoint: `${url}/userinfo`,
          }),
        );
      }
      if (path === '/jwks') return void response.end(JSON.stringify({ keys: issuer.keys }));
      return void response.writeHead(404).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer: TestIssuer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    keys: keys.map((key) => key.jwk),
    state: 'up',
    claimedIssuer: undefined,
    answers: new Map(),
    asked,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return issuer;
}

/** A token of this key; lives an hour from START_MS unless `claims` say otherwise. */
export async function tokenOf(
  key: SigningKey,
  claims: Readonly<Record<string, unknown>>,
  header: { readonly [Name in keyof JWTHeaderParameters]?: JWTHeaderParameters[Name] | undefined } = {},
): Promise<string> {
  const seconds = START_MS / 1_000;
  return await new SignJWT({ sub: 'ann', iat: seconds, exp: seconds + 3_600, ...claims })
    .setProtectedHeader(JSON.parse(JSON.stringify({ alg: key.alg, kid: key.kid, ...header })))
    .sign(key.privateKey);
}

/** A compact token put together by hand, signed or not. */
export function craftedToken(header: object, claims: object, signature = ''): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(claims)}.${signature}`;
}
