import { sha256Hex } from '../../src/identity/digest.ts';
import type { SignedSnapshot } from '../../src/identity/snapshot-signing.ts';
import type { GatewayPart, GatewaySecrets } from '../../src/policy/model.ts';
import { NO_GATEWAY_SECRETS } from '../../src/policy/model.ts';
import { readPart } from '../snapshot-file.ts';

/** What the gateway of a snapshot serves. */
export interface GatewayConfiguration {
  /** Hex; equal configurations are served once. */
  readonly digest: string;
  readonly part: GatewayPart;
  readonly secrets: GatewaySecrets;
}

/** Undefined: the cluster has no Gateway, or the hub knows no such part. */
export function readGateway(signed: Pick<SignedSnapshot, 'parts'>): GatewayConfiguration | undefined {
  const bytesOf = (name: string): Uint8Array | undefined =>
    signed.parts.find((part) => part.name === name)?.content;
  const part = bytesOf('gateway');
  if (part === undefined) return undefined;
  const secrets = bytesOf('gatewaySecrets');
  return {
    digest: sha256Hex(part) + (secrets === undefined ? '' : sha256Hex(secrets)),
    part: readPart(part, 'gateway'),
    secrets: secrets === undefined ? NO_GATEWAY_SECRETS : readPart(secrets, 'gatewaySecrets'),
  };
}

/** Some request has to be asked where its client is. */
export function needsCountries({ edge, auth, rules, quota }: GatewayPart): boolean {
  if (Object.values(edge).some(({ residency }) => residency?.rules.some(({ inside }) => !inside) === true))
    return true;
  // `source.country` in CEL: a word in another place costs a look-up that nobody uses, and no more.
  return JSON.stringify([auth, quota?.policies, Object.values(rules).map(({ callers }) => callers)]).includes(
    'country',
  );
}
