import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { problemAnswer } from '../refusal.ts';
import type { QuotaAnswer, QuotaDesk, QuotaQuestion } from './quota-desk.ts';

/*
 * `POST /v1/quota/take` for whatever is no Envoy: `{"domain": "…", "descriptors": [{"user": "7"}], "hits": 1}` in, 200 or 429 out, with
 * the fields that a client should see. `"charge": true` tells afterwards what an answer cost.
 */

const MAX_BODY_OCTETS = 64 * 1024;

const descriptor = z.record(z.string().min(1).max(256), z.string().max(4096));
const question = z.strictObject({
  domain: z.string().min(1).max(253),
  descriptors: z.union([descriptor.transform((one) => [one]), z.array(descriptor).max(32)]).default([]),
  hits: z.number().int().min(0).max(1_000_000).default(1),
  charge: z.boolean().default(false),
});

export function takeQuota(desk: QuotaDesk, message: IncomingMessage, reply: ServerResponse): void {
  if (message.method !== 'POST') {
    message.resume();
    problem(reply, 'REQUEST_MALFORMED', 405, 'Ask with POST.');
    return;
  }
  const chunks: Buffer[] = [];
  let octets = 0;
  message.on('error', () => undefined);
  message.on('data', (chunk: Buffer) => {
    octets += chunk.length;
    if (octets <= MAX_BODY_OCTETS) chunks.push(chunk);
  });
  message.on('end', () => {
    if (octets > MAX_BODY_OCTETS) {
      problem(reply, 'REQUEST_MALFORMED', 413, `The body is longer than ${MAX_BODY_OCTETS} octets.`);
      return;
    }
    const asked = read(Buffer.concat(chunks));
    if (typeof asked === 'string') problem(reply, 'REQUEST_MALFORMED', 400, asked);
    else
      desk.ask(asked, {
        get gone() {
          return reply.destroyed;
        },
        answered: (answer) => tell(reply, answer),
      });
  });
}

/** @returns what is wrong with it, or the question */
function read(body: Buffer): QuotaQuestion | string {
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch {
    return 'The body is no JSON.';
  }
  const parsed = question.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return `${issue?.path.join('.') || 'The body'}: ${issue?.message ?? 'cannot be read'}`;
  }
  const { descriptors, ...rest } = parsed.data;
  return { ...rest, descriptors: descriptors.map((one) => Object.assign(withoutPrototype(), one)) };
}

function withoutPrototype(): Record<string, string> {
  return Object.setPrototypeOf({}, null) as Record<string, string>;
}

function tell(reply: ServerResponse, answer: QuotaAnswer): void {
  if (reply.destroyed || reply.headersSent) return;
  if (answer.outcome === 'unready') {
    problem(reply, 'QUOTA_UNAVAILABLE', 503, 'No configuration has come yet.');
    return;
  }
  if (answer.outcome === 'refused') {
    const code = answer.code === '' ? 'QUOTA_EXCEEDED' : answer.code;
    problem(reply, code, answer.status, `The limit ${answer.limit} admits no more now.`, answer.fields);
    return;
  }
  const body = '{"admitted":true}';
  reply.writeHead(200, [
    ...answer.fields,
    'cache-control',
    'no-store',
    'content-type',
    'application/json',
    'content-length',
    String(body.length),
  ]);
  reply.end(body);
}

function problem(
  reply: ServerResponse,
  code: string,
  status: number,
  detail: string,
  more: readonly string[] = [],
): void {
  const { fields, body } = problemAnswer(code, status, detail, '', false);
  const octets = Buffer.from(body);
  reply.writeHead(status, [...more, ...fields, 'content-length', String(octets.length)]);
  reply.end(octets);
}
