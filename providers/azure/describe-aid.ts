import { z } from 'zod';
import type { AidSpec } from '../../src/plan/aid.ts';
import { WORLD } from './geography.ts';
import type { Monitor } from './monitor.ts';
import type { ProfileEndpoint, ProfileNode } from './profile-tree.ts';
import { profileNode } from './profiles.ts';

const tree = z.object({ root: profileNode });

/** A country list is longer than anybody reads. */
const MOST_CODES = 20;
const INDENT = '  ';

/**
 * A tree of profiles as lines, each level indented below what chooses it: places, then the order of tiers, then weights. The first line says what
 * it is.
 */
export function describeAid({ spec }: AidSpec): readonly string[] {
  const parsed = tree.safeParse(spec);
  if (!parsed.success) return [JSON.stringify(spec)];
  const { root } = parsed.data;
  return [`Traffic Manager, TTL ${root.ttlSeconds} s`, ...linesOf(root)];
}

function linesOf(node: ProfileNode): readonly string[] {
  const total = node.endpoints.reduce((sum, { weight = 0 }) => sum + weight, 0);
  const probed = node.endpoints.some(
    ({ target, alwaysServe }) => target !== undefined && alwaysServe !== true,
  );
  return [
    ...node.endpoints.flatMap((endpoint) => {
      const what = chosenBy(node.method, endpoint, total);
      const { target, child, name } = endpoint;
      const at = `${target ?? ''} (${name})`;
      // A weight beside no other says nothing.
      if (child === undefined) return [node.endpoints.length === 1 ? at : `${what}: ${at}`];
      return [`${what}:`, ...linesOf(child).map((line) => `${INDENT}${line}`)];
    }),
    ...(probed ? [`probed: ${monitorText(node.monitor)}`] : []),
  ];
}

function chosenBy(method: ProfileNode['method'], endpoint: ProfileEndpoint, total: number): string {
  switch (method) {
    case 'Geographic':
      return placesText(endpoint.geoMapping ?? []);
    case 'Priority':
      return `priority ${endpoint.priority ?? 1}`;
    case 'Weighted':
      return `weight ${endpoint.weight ?? 1} of ${total}`;
  }
}

/** `DE, FR`; the world is what no other place has. */
function placesText(codes: readonly string[]): string {
  const own = codes.filter((code) => code !== WORLD);
  const shown = own.slice(0, MOST_CODES);
  const more = own.length - shown.length;
  return [
    ...shown,
    ...(more > 0 ? [`${more} more places`] : []),
    ...(codes.includes(WORLD) ? ['all other places'] : []),
  ].join(', ');
}

function monitorText({ protocol, port, path = '', intervalInSeconds }: Monitor): string {
  return `${protocol} port ${port}${path === '' ? '' : ` ${path}`} every ${intervalInSeconds} s`;
}
