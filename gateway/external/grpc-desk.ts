import { createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  CheckRequestSchema,
  CheckResponseSchema,
} from '../../src/protocol/envoy/generated/envoy/service/auth/v3/external_auth_pb.js';
import { type Networks, plainAddress } from '../client-address.ts';
import type { AuthorizationDesk, Ruling } from './desk.ts';
import { fromCheckRequest, toCheckResponse } from './envoy-check.ts';
import { fromRateLimitRequest, toRateLimitFrame } from './envoy-rate-limit.ts';
import type { QuotaAnswer, QuotaDesk } from './quota-desk.ts';
import { readRateLimitRequest } from './rate-limit-wire.ts';

/*
 * `envoy.service.auth.v3.Authorization/Check` and `envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit` for Envoy, Istio and
 * Kuadrant: unary gRPC over HTTP/2 without TLS, on node:http2 itself. A gRPC library would cost every gateway thread its memory, and could
 * not share the port among threads.
 */

const CHECK = '/envoy.service.auth.v3.Authorization/Check';
const SHOULD_RATE_LIMIT = '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit';
/** Envoy sends heads; a body only with `with_request_body`, which no policy looks at. */
const MAX_MESSAGE_OCTETS = 1024 * 1024;
const PREFIX_OCTETS = 5;
const GRPC = {
  INVALID_ARGUMENT: 3,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
} as const;

/** @param trustedPeers proxies that may ask @param quota absent: nobody counts here */
export function createGrpcDesk(
  desk: AuthorizationDesk,
  trustedPeers: Networks,
  quota?: QuotaDesk,
): Http2Server {
  const server = createServer({ settings: { maxConcurrentStreams: 1000 } });
  server.on('session', (session) => {
    session.on('error', () => undefined);
    if (!trustedPeers.has(plainAddress(session.socket.remoteAddress))) session.destroy();
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    const path = headers[':method'] === 'POST' ? headers[':path'] : undefined;
    if (path === SHOULD_RATE_LIMIT && quota !== undefined)
      read(stream, headers, (message) => count(quota, stream, message));
    else if (path === CHECK) read(stream, headers, (message) => check(desk, stream, message));
    else fail(stream, GRPC.UNIMPLEMENTED, `only ${CHECK} and ${SHOULD_RATE_LIMIT} are served`);
  });
  return server;
}

function read(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  done: (message: Buffer) => void,
): void {
  if (headers['grpc-encoding'] !== undefined && headers['grpc-encoding'] !== 'identity') {
    fail(stream, GRPC.UNIMPLEMENTED, 'messages are taken without compression');
    return;
  }
  const chunks: Buffer[] = [];
  let octets = 0;
  stream.on('data', (chunk: Buffer) => {
    octets += chunk.length;
    if (octets <= MAX_MESSAGE_OCTETS) chunks.push(chunk);
  });
  stream.on('end', () => {
    if (octets > MAX_MESSAGE_OCTETS) {
      fail(stream, GRPC.RESOURCE_EXHAUSTED, 'the message is too long');
      return;
    }
    const body = chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks);
    const whole = body.length >= PREFIX_OCTETS && body.readUInt32BE(1) === body.length - PREFIX_OCTETS;
    if (!whole || body[0] !== 0) fail(stream, GRPC.INVALID_ARGUMENT, 'the message is not whole');
    else done(body.subarray(PREFIX_OCTETS));
  });
}

function check(desk: AuthorizationDesk, stream: ServerHttp2Stream, message: Buffer): void {
  let asked: ReturnType<typeof fromCheckRequest>;
  try {
    asked = fromCheckRequest(fromBinary(CheckRequestSchema, message));
  } catch {
    fail(stream, GRPC.INVALID_ARGUMENT, 'the message is no CheckRequest');
    return;
  }
  if (asked === undefined) {
    fail(stream, GRPC.INVALID_ARGUMENT, 'there is no HTTP request in it');
    return;
  }
  const question = asked;
  const answer = (ruling: Ruling): void =>
    respond(stream, framed(toBinary(CheckResponseSchema, toCheckResponse(ruling, question))), 0, '');
  const ruling = desk.decide(question);
  if (ruling instanceof Promise)
    ruling.then(answer, () => fail(stream, GRPC.INTERNAL, 'the decision failed'));
  else answer(ruling);
}

function count(desk: QuotaDesk, stream: ServerHttp2Stream, message: Buffer): void {
  let question: ReturnType<typeof fromRateLimitRequest>;
  try {
    question = fromRateLimitRequest(readRateLimitRequest(message));
  } catch {
    fail(stream, GRPC.INVALID_ARGUMENT, 'the message is no RateLimitRequest');
    return;
  }
  if (question === undefined) {
    fail(stream, GRPC.INVALID_ARGUMENT, 'there is no domain in it');
    return;
  }
  const descriptors = question.descriptors.length;
  desk.ask(question, {
    get gone() {
      return stream.destroyed || stream.closed;
    },
    answered(answer: QuotaAnswer) {
      if (answer.outcome === 'unready') fail(stream, GRPC.UNAVAILABLE, 'no configuration has come yet');
      else respond(stream, toRateLimitFrame(answer, descriptors), 0, '');
    },
  });
}

function framed(body: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX_OCTETS + body.length);
  frame.writeUInt8(0, 0);
  frame.writeUInt32BE(body.length, 1);
  frame.set(body, PREFIX_OCTETS);
  return frame;
}

function fail(stream: ServerHttp2Stream, status: number, message: string): void {
  respond(stream, undefined, status, message);
}

function respond(
  stream: ServerHttp2Stream,
  frame: Buffer | undefined,
  status: number,
  message: string,
): void {
  if (stream.destroyed || stream.closed || stream.headersSent) return;
  const trailers = { 'grpc-status': String(status), ...(message === '' ? {} : { 'grpc-message': message }) };
  if (frame === undefined) {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...trailers }, { endStream: true });
    return;
  }
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.once('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end(frame);
}
