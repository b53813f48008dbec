import type { OutboundAnswer, OutboundClient, OutboundRequest } from './client.ts';
import { OutboundFailure } from './failure.ts';

/** An answer that must be 2xx with a JSON object. @throws OutboundFailure */
export async function callForObject(
  client: OutboundClient,
  request: OutboundRequest,
): Promise<Readonly<Record<string, unknown>>> {
  const answer = await client.call(request);
  if (answer.status < 200 || answer.status > 299) {
    throw new OutboundFailure('answer', `${hostOf(request.url)} answers ${answer.status}`);
  }
  const value = parseJson(answer);
  if (!isObject(value)) {
    throw new OutboundFailure('answer', `${hostOf(request.url)} does not answer with a JSON object`);
  }
  return value;
}

/** The body as JSON; undefined when it is none. */
export function parseJson(answer: OutboundAnswer): unknown {
  try {
    return JSON.parse(answer.body) as unknown;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** For messages: never the path or query, which may hold secrets. */
export function hostOf(url: string): string {
  return URL.parse(url)?.host ?? 'the URL';
}
