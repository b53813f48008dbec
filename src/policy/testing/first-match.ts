import { matchRequest } from '../match-request.ts';
import type { GatewayPart } from '../model.ts';

/** A request as far as routing looks at it; names of headers in lower case. */
export interface Asked {
  readonly port?: number;
  readonly host: string;
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
}

/** The id of the rule of a part that takes the request. */
export function firstMatch(part: GatewayPart, asked: Asked): string | undefined {
  const port = part.ports.find((own) => own.port === (asked.port ?? 80));
  if (port === undefined) return undefined;
  return matchRequest(port, asked.host, {
    method: asked.method ?? 'GET',
    path: asked.path,
    query: new URLSearchParams(asked.query).toString(),
    fields: Object.entries(asked.headers ?? {}).flat(),
  });
}
