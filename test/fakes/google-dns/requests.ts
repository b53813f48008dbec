import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import { Refused } from './limits.ts';

/** What a request asks of the API. */
export interface ApiCall {
  readonly method: string;
  readonly project: string;
  readonly zone?: string;
  readonly id?: string;
}

/** https://cloud.google.com/dns/docs/reference/rest/v1 */
export function routeOf(method: string, path: string): ApiCall | undefined {
  const [, project = '', rest = ''] = /^\/dns\/v1\/projects\/([^/]+)(?:\/(.*))?$/.exec(path) ?? [];
  if (project === '') return undefined;
  const parts = rest.split('/').map(decodeURIComponent);
  const at = (name: string, zone?: string, id?: string): ApiCall => ({
    method: name,
    project: decodeURIComponent(project),
    ...(zone === undefined ? {} : { zone }),
    ...(id === undefined ? {} : { id }),
  });
  if (rest === '') return method === 'GET' ? at('projects.get') : undefined;
  if (parts[0] !== 'managedZones') return undefined;
  const [, zone = '', list, id] = parts;
  if (parts.length === 1) return method === 'GET' ? at('managedZones.list') : undefined;
  if (parts.length === 2 && zone.endsWith(':testIamPermissions') && method === 'POST')
    return at('managedZones.testIamPermissions', zone.slice(0, -':testIamPermissions'.length));
  if (parts.length === 2) return method === 'GET' ? at('managedZones.get', zone) : undefined;
  if (list === 'rrsets' && parts.length === 3 && method === 'GET') return at('resourceRecordSets.list', zone);
  if (list === 'changes' && parts.length === 3 && method === 'POST') return at('changes.create', zone);
  if (list === 'changes' && parts.length === 4 && method === 'GET') return at('changes.get', zone, id);
  return undefined;
}

export function pageOf<T>(
  all: readonly T[],
  url: URL,
  pageSize: number,
): { readonly items: readonly T[]; readonly next: { readonly nextPageToken?: string } } {
  const wanted = Number(url.searchParams.get('maxResults') ?? pageSize);
  if (!Number.isInteger(wanted) || wanted < 1)
    throw new Refused(400, 'invalidParameter', `Invalid value for maxResults: ${wanted}`);
  const start = Number(url.searchParams.get('pageToken') ?? 0);
  const end = start + Math.min(wanted, pageSize);
  return { items: all.slice(start, end), next: end < all.length ? { nextPageToken: String(end) } : {} };
}

export function parsedBody<T>(schema: z.ZodType<T>, body: string): T {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    throw new Refused(400, 'parseError', 'Parse Error');
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new Refused(400, 'badRequest', `Invalid JSON payload received. ${z.prettifyError(parsed.error)}`);
}

export function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8' }).end(JSON.stringify(body));
}

export function sendRefusal(
  response: ServerResponse,
  refused: Refused,
  retryAfterSeconds: number | undefined,
): void {
  const { status, reason, message, location } = refused;
  if (status === 429 && retryAfterSeconds !== undefined)
    response.setHeader('retry-after', `${retryAfterSeconds}`);
  send(response, status, {
    error: {
      code: status,
      message,
      errors: [
        {
          message,
          domain: 'global',
          reason,
          ...(location === undefined ? {} : { location, locationType: 'parameter' }),
        },
      ],
    },
  });
}
