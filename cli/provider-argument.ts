import type { Command } from 'commander';
import type { Client, ObjectName, ProviderZoneState } from '../src/client/client.ts';
import { PortolanError } from '../src/errors/error.ts';
import { connect, type Session } from './session.ts';
import { originArgument } from './zone-argument.ts';

/** A DNSProvider as a person names it, and the hub that has it. */
export interface NamedProvider {
  readonly client: Client;
  readonly provider: ObjectName;
}

/** `cloud`, or `shop/cloud` as reports and plans write it. */
export function namedProvider(session: Session, command: Command, text: string): NamedProvider {
  const { client, namespace } = connect(session, command);
  const [first = '', second] = text.split('/', 2);
  const provider = second === undefined ? { namespace, name: first } : { namespace: first, name: second };
  return { client, provider };
}

/**
 * The zone of `--zone`, or the only one that the provider has.
 * @throws PortolanError USAGE when it has several and none is named, PROVIDER_ZONE_MISSING, NOT_FOUND
 */
export async function zoneOfProvider(
  { client, provider }: NamedProvider,
  zone: string | undefined,
): Promise<ProviderZoneState> {
  const states = await client.providerStates(provider);
  const origin = zone === undefined ? undefined : originArgument(zone);
  const fitting = origin === undefined ? states : states.filter((state) => state.origin === origin);
  const [only, ...others] = fitting;
  const name = `${provider.namespace}/${provider.name}`;
  const all = states.map((state) => state.origin).join(', ');
  if (only === undefined) {
    throw new PortolanError('PROVIDER_ZONE_MISSING', `${name} has no zone ${origin ?? ''}`, {
      fix: states.length === 0 ? 'Name its zones in spec.zones.' : `Its zones are ${all}.`,
    });
  }
  if (others.length > 0 && origin === undefined) {
    throw new PortolanError('USAGE', `${name} has several zones`, { fix: `Name one of ${all}: --zone` });
  }
  return only;
}
