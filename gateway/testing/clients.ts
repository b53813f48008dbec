import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';

export interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Without an announced length. */
  readonly streamed?: boolean;
}

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  readonly trailers: Readonly<Record<string, string | string[] | undefined>>;
}

export type Protocol = 'HTTP/1.1' | 'HTTP/2';

/** One request on a connection of its own. */
export function ask(protocol: Protocol, port: number, asked: Asked = {}): Promise<Answered> {
  return protocol === 'HTTP/2' ? askHttp2(port, asked) : askHttp1(port, asked);
}

function askHttp1(port: number, asked: Asked): Promise<Answered> {
  const { method = 'GET', path = '/', headers = {}, body, streamed } = asked;
  return new Promise((resolve, reject) => {
    const length =
      body === undefined || streamed === true ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const req = http.request(
      { host: '127.0.0.1', port, method, path, headers: { host: 'a.example', ...headers, ...length } },
      (res) => {
        const chunks: Buffer[] = [];
        res.on('data', (chunk: Buffer) => chunks.push(chunk));
        res.on('error', reject);
        res.on('end', () =>
          resolve({
            status: res.statusCode ?? 0,
            headers: res.headers,
            body: Buffer.concat(chunks).toString(),
            trailers: res.trailers,
          }),
        );
      },
    );
    req.on('error', reject);
    if (body !== undefined) req.write(body);
    req.end();
  });
}

function askHttp2(port: number, asked: Asked): Promise<Answered> {
  const { method = 'GET', path = '/', headers = {}, body } = asked;
  const { host = 'a.example', ...rest } = headers;
  return new Promise((resolve, reject) => {
    const client = http2.connect(`http://127.0.0.1:${port}`);
    client.on('error', reject);
    const stream = client.request(
      { ':method': method, ':path': path, ':authority': host, ...rest },
      { endStream: body === undefined },
    );
    const chunks: Buffer[] = [];
    let status = 0;
    let fields: Answered['headers'] = {};
    let trailers: Answered['trailers'] = {};
    stream.on('response', ({ ':status': answered = 0, ...received }) => {
      status = Number(answered);
      fields = received;
    });
    stream.on('trailers', (received: http2.IncomingHttpHeaders) => {
      trailers = received;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', (error) => {
      client.destroy();
      reject(error);
    });
    stream.on('close', () => {
      client.close();
      if (status === 0) reject(new Error(`the stream ended with ${stream.rstCode} and no answer`));
      resolve({
        status,
        headers: fields,
        body: Buffer.concat(chunks).toString(),
        trailers,
      });
    });
    if (body !== undefined) stream.end(body);
  });
}

/** Sends octets and gathers what comes back. */
export class RawClient {
  readonly socket: net.Socket;
  text = '';
  closed = false;

  constructor(port: number, octets?: string | Buffer) {
    this.socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    this.socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1');
    });
    this.socket.on('error', () => {});
    this.socket.on('end', () => {
      this.closed = true;
      this.socket.end();
    });
    this.socket.on('close', () => {
      this.closed = true;
    });
    if (octets !== undefined) this.socket.write(octets, 'latin1');
  }
}
