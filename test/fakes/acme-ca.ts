import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { testAuthority } from '../support/certificates.ts';

/** What came, with what was signed; the signature is not looked at. */
export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  /** Protected header. */
  readonly header: { readonly nonce?: string | undefined; readonly kid?: string | undefined };
  readonly payload: unknown;
}

export interface FakeAnswer {
  readonly status?: number;
  readonly headers?: OutgoingHttpHeaders;
  /** Sent as JSON unless it is a text; a function writes whatever it likes. */
  readonly body?: unknown;
  readonly write?: (out: ServerResponse) => void;
}

/** A CA that answers as a test has it: by path, else as a CA with nothing to say would. */
export interface FakeCa extends AsyncDisposable {
  readonly directory: string;
  readonly port: number;
  readonly serverCa: string;
  readonly requests: readonly FakeRequest[];
  /** By path, such as `/new-order`. */
  readonly answers: Map<string, FakeAnswer | ((request: FakeRequest) => FakeAnswer)>;
  at(path: string): string;
}

const jws = z.object({ protected: z.string(), payload: z.string() });
const header = z.object({ nonce: z.string().optional(), kid: z.string().optional() });

/** @param options.days from now until its TLS certificate ends */
export async function startFakeCa(options: { readonly days?: number } = {}): Promise<FakeCa> {
  const authority = await testAuthority('the TLS of a fake');
  const tls = await authority.issue({ dns: ['localhost'], ips: ['127.0.0.1'], ...options });
  const requests: FakeRequest[] = [];
  const answers: FakeCa['answers'] = new Map();

  async function serve(incoming: IncomingMessage, out: ServerResponse): Promise<void> {
    let body = '';
    incoming.setEncoding('utf8');
    for await (const part of incoming) body += String(part);
    const signed = jws.safeParse(json(body)).data;
    const request: FakeRequest = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      header: signed === undefined ? {} : header.parse(json(decoded(signed.protected))),
      payload: signed === undefined || signed.payload === '' ? undefined : json(decoded(signed.payload)),
    };
    requests.push(request);
    const answer = answers.get(request.path) ?? usual(request.path);
    const {
      status = 200,
      headers,
      body: content,
      write,
    } = typeof answer === 'function' ? answer(request) : answer;
    out.writeHead(status, {
      'Replay-Nonce': randomBytes(16).toString('base64url'),
      'Content-Type': status < 400 ? 'application/json' : 'application/problem+json',
      ...headers,
    });
    if (write !== undefined) write(out);
    else out.end(typeof content === 'string' ? content : JSON.stringify(content ?? {}));
  }

  const server = createServer({ cert: tls.certificatePem, key: tls.keyPem }, (incoming, out) => {
    serve(incoming, out).catch(() => incoming.socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const at = (path: string): string => `https://127.0.0.1:${port}${path}`;

  function usual(path: string): FakeAnswer {
    if (path === '/dir')
      return {
        body: {
          newNonce: at('/new-nonce'),
          newAccount: at('/new-account'),
          newOrder: at('/new-order'),
          revokeCert: at('/revoke'),
          renewalInfo: at('/renewal-info'),
        },
      };
    if (path === '/new-account')
      return { status: 201, headers: { Location: at('/account/1') }, body: { status: 'valid' } };
    if (path.startsWith('/account/')) return { body: { status: 'valid' } };
    return {};
  }

  return {
    directory: at('/dir'),
    port,
    serverCa: authority.certificatePem,
    requests,
    answers,
    at,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** As a CA says what is wrong (RFC 8555 section 6.7). */
export function problem(type: string, detail = 'a detail', status = 400): FakeAnswer {
  return { status, body: { type: `urn:ietf:params:acme:error:${type}`, detail } };
}

const decoded = (text: string): string => Buffer.from(text, 'base64url').toString();

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
