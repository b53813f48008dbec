import type { IncomingMessage } from 'node:http';
import { Refused } from './refused.ts';
import { type Element, parseXml } from './xml.ts';

/** A request as actions look at it. */
export interface Call {
  readonly query: URLSearchParams;
  readonly body: Element | undefined;
  /** What the path holds in place of `{…}`. */
  readonly id: string;
}

const ROUTES: readonly { readonly method: string; readonly path: RegExp; readonly action: string }[] = [
  { method: 'GET', path: /^\/hostedzone$/, action: 'ListHostedZones' },
  { method: 'GET', path: /^\/hostedzone\/([^/]+)$/, action: 'GetHostedZone' },
  { method: 'GET', path: /^\/hostedzone\/([^/]+)\/rrset$/, action: 'ListResourceRecordSets' },
  { method: 'POST', path: /^\/hostedzone\/([^/]+)\/rrset$/, action: 'ChangeResourceRecordSets' },
  { method: 'GET', path: /^\/change\/([^/]+)$/, action: 'GetChange' },
  { method: 'GET', path: /^\/healthcheck$/, action: 'ListHealthChecks' },
  { method: 'POST', path: /^\/healthcheck$/, action: 'CreateHealthCheck' },
  { method: 'DELETE', path: /^\/healthcheck\/([^/]+)$/, action: 'DeleteHealthCheck' },
  { method: 'POST', path: /^\/tags\/healthcheck\/([^/]+)$/, action: 'ChangeTagsForResource' },
  { method: 'POST', path: /^\/tags\/healthcheck$/, action: 'ListTagsForResources' },
];

/** The action that a request asks for; `undefined` when the API has none there. */
export function routeOf(
  request: IncomingMessage,
): { readonly action: string; readonly id: string; readonly query: URLSearchParams } | undefined {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const path = decodeURIComponent(url.pathname)
    .replace(/\/$/, '')
    // Ids are taken with and without the kind in front of them.
    .replace(/\/(hostedzone|change)\/+\1\//, '/$1/')
    .replace(/^\/2013-04-01/, '');
  for (const route of ROUTES) {
    const match = route.method === request.method ? route.path.exec(path) : null;
    if (match !== null) return { action: route.action, id: match[1] ?? '', query: url.searchParams };
  }
  return undefined;
}

/** @throws Refused MalformedInput */
export function parsedBody(text: string): Element {
  try {
    const root = parseXml(text);
    if (root.attributes.get('xmlns') !== 'https://route53.amazonaws.com/doc/2013-04-01/')
      throw new Error('the namespace is not that of the API');
    return root;
  } catch (error) {
    throw new Refused(400, 'MalformedInput', [String(error)]);
  }
}
