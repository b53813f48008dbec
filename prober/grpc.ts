import { type ClientHttp2Session, connect, constants, type IncomingHttpHeaders } from 'node:http2';
import type { Socket } from 'node:net';
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { deferred } from '../src/async/deferred.ts';
import { errorCode, networkFailure } from './network-failure.ts';
import { ProbeFailure, type ProbeRequest, type ProbeRun, type ProtocolCheck } from './probe.ts';
import { openTcp } from './tcp.ts';
import { openTls, serverName } from './tls.ts';

type GrpcRequest = ProbeRequest<ProtocolCheck<'grpc'>>;

/** `HealthCheckResponse.ServingStatus` of grpc.health.v1. */
const SERVING_STATUS: readonly string[] = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** Status codes of gRPC (grpc/grpc, doc/statuscodes.md), by number. */
const GRPC_STATUS: readonly string[] = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];

/** A health response is a few octets; more than this is not one. */
const MESSAGE_LIMIT = 4096;

/**
 * The gRPC probe: `grpc.health.v1.Health/Check` answers SERVING, over TLS or with prior knowledge of HTTP/2 in plain text.
 * node:http2 is enough for one unary call (grpc/grpc, doc/PROTOCOL-HTTP2.md) and gives the probe its own socket, which a
 * channel of @grpc/grpc-js would manage, share and reconnect.
 */
export async function probeGrpc(run: ProbeRun, request: GrpcRequest): Promise<void> {
  const name = serverName(request);
  const socket = await openHttp2Socket(run, request, name);
  run.waitingFor('no gRPC answer');
  const { promise, resolve, reject } = deferred<Answer>();
  const fail = (thrown: unknown) => reject(sessionFailure(thrown, request.address));
  const scheme = request.check.tls ? 'https' : 'http';
  const session = connect(`${scheme}://probe.invalid`, { createConnection: () => socket });
  run.own(session);
  session.on('error', fail);
  session.on('goaway', (errorNumber) => reject(new ProbeFailure(`HTTP/2 GOAWAY, error ${errorNumber}`)));
  session.once('close', () => reject(new ProbeFailure('connection closed before the gRPC answer')));
  call(session, { scheme, authority: name, service: request.check.service }, resolve, fail);
  judge(await Promise.race([promise, run.over]), request.check.service);
}

async function openHttp2Socket(run: ProbeRun, request: GrpcRequest, name: string): Promise<Socket> {
  if (!request.check.tls) return openTcp(run, request);
  const socket = await openTls(run, request, name, ['h2']);
  if (socket.alpnProtocol !== 'h2') throw new ProbeFailure('the server does not offer HTTP/2 (no ALPN "h2")');
  return socket;
}

interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
}

function call(
  session: ClientHttp2Session,
  target: { readonly scheme: string; readonly authority: string; readonly service: string },
  done: (answer: Answer) => void,
  fail: (thrown: unknown) => void,
): void {
  const stream = session.request({
    ':method': 'POST',
    ':scheme': target.scheme,
    ':authority': target.authority,
    ':path': '/grpc.health.v1.Health/Check',
    'content-type': 'application/grpc',
    te: 'trailers',
    'user-agent': 'portolan-prober',
  });
  let headers: IncomingHttpHeaders | undefined;
  let trailers: IncomingHttpHeaders = {};
  let body = Buffer.alloc(0);
  stream.on('response', (received) => {
    headers = received;
  });
  stream.on('trailers', (received: IncomingHttpHeaders) => {
    trailers = received;
  });
  stream.on('data', (chunk: Buffer) => {
    body = Buffer.concat([body, chunk]);
    if (body.length > MESSAGE_LIMIT)
      fail(new ProbeFailure('the gRPC answer is too long for a health response'));
  });
  stream.on('error', fail);
  stream.once('end', () => {
    // Without headers the stream ended with its connection.
    if (headers === undefined) fail(new ProbeFailure('connection closed before the gRPC answer'));
    else done({ headers, trailers, body });
  });
  stream.end(frame(healthCheckRequest(target.service)));
}

function judge({ headers, trailers, body }: Answer, service: string): void {
  const httpStatus = Number(headers[constants.HTTP2_HEADER_STATUS] ?? 0);
  if (httpStatus !== 200) throw new ProbeFailure(`HTTP ${httpStatus} instead of a gRPC answer`);
  if (!String(headers['content-type'] ?? '').startsWith('application/grpc')) {
    throw new ProbeFailure('the answer is not gRPC');
  }
  // An answer without a body carries its status in the headers ("trailers-only").
  const grpcStatus = Number(trailers['grpc-status'] ?? headers['grpc-status'] ?? Number.NaN);
  if (grpcStatus === 12) throw new ProbeFailure('the server has no grpc.health.v1 service (UNIMPLEMENTED)');
  if (grpcStatus === 5) throw new ProbeFailure(`gRPC health knows no service "${service}" (NOT_FOUND)`);
  if (grpcStatus !== 0) {
    throw new ProbeFailure(
      `gRPC status ${GRPC_STATUS[grpcStatus] ?? 'missing'}${messageOf(trailers, headers)}`,
    );
  }
  const status = servingStatus(body);
  if (status !== 1) throw new ProbeFailure(`gRPC health ${SERVING_STATUS[status] ?? `status ${status}`}`);
}

function messageOf(trailers: IncomingHttpHeaders, headers: IncomingHttpHeaders): string {
  const message = trailers['grpc-message'] ?? headers['grpc-message'];
  return typeof message === 'string' && message !== '' ? `: ${message.slice(0, 80)}` : '';
}

/** `HealthCheckRequest { string service = 1; }` */
function healthCheckRequest(service: string): Uint8Array {
  return service === ''
    ? new Uint8Array()
    : new BinaryWriter()
        .uint32((1 << 3) | 2)
        .string(service)
        .finish();
}

/** Length-prefixed message: one octet "compressed", four octets length. */
function frame(message: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** `HealthCheckResponse { ServingStatus status = 1; }` out of its frame. */
function servingStatus(body: Buffer): number {
  if (body.length < 5 || body[0] !== 0 || body.readUInt32BE(1) !== body.length - 5) {
    throw new ProbeFailure('the gRPC answer is not one uncompressed message');
  }
  try {
    const reader = new BinaryReader(body.subarray(5));
    let status = 0;
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (field === 1 && wireType === 0) status = reader.int32();
      else reader.skip(wireType);
    }
    return status;
  } catch (thrown) {
    throw new ProbeFailure('the gRPC answer is not a health response', { cause: thrown });
  }
}

function sessionFailure(thrown: unknown, address: string): Error {
  if (thrown instanceof ProbeFailure) return thrown;
  const code = errorCode(thrown);
  if (code === 'ERR_HTTP2_ERROR')
    return new ProbeFailure('the server does not speak HTTP/2 on this port', { cause: thrown });
  if (code.startsWith('ERR_HTTP2_')) {
    return new ProbeFailure(thrown instanceof Error ? thrown.message : code, { cause: thrown });
  }
  return networkFailure(thrown, address, 'before the gRPC answer');
}
