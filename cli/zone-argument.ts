import type { Client } from '../src/client/client.ts';
import { parseIpv4, parseIpv6 } from '../src/dns/address.ts';
import { type DomainName, parseName } from '../src/dns/name.ts';
import { PortolanError } from '../src/errors/error.ts';
import type { Resource } from '../src/resources/catalogue.ts';
import { notFound } from './object-argument.ts';

/** The zone of this origin, in any namespace the token may see; in `namespace` when it is given. */
export async function storedZone(
  client: Client,
  origin: DomainName,
  namespace?: string,
): Promise<Resource<'Zone'> | undefined> {
  const { items } = await client.list('Zone', namespace);
  return items.find((zone) => zone.spec.origin === origin);
}

/** The same, where there must be one. @throws PortolanError NOT_FOUND */
export async function existingZone(
  client: Client,
  origin: DomainName,
  namespace?: string,
): Promise<Resource<'Zone'>> {
  const zone = await storedZone(client, origin, namespace);
  if (zone !== undefined) return zone;
  throw new PortolanError('NOT_FOUND', `the hub has no zone ${origin}`, {
    fix: 'List the zones with `portolan get zones -A`.',
  });
}

/**
 * The Zone that a person names by its name, or by its origin: that has a dot, which names of objects have not. An origin is looked
 * for wherever the token may look unless `-n` is given.
 * @throws PortolanError NOT_FOUND, DNS_NAME_INVALID
 */
export async function namedZone(
  client: Client,
  text: string,
  { namespace, asked }: { readonly namespace: string; readonly asked: string | undefined },
): Promise<Resource<'Zone'>> {
  if (text.includes('.')) return existingZone(client, originArgument(text), asked);
  const zone = await client.get('Zone', { namespace, name: text });
  if (zone === undefined) throw notFound('Zone', namespace, text);
  return zone;
}

/** The origin as a person types it. @throws PortolanError DNS_NAME_INVALID */
export function originArgument(text: string): DomainName {
  return parseName(text);
}

/** `192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53` or `[2001:db8::53]:5353`. @throws PortolanError USAGE */
export function addressArgument(
  text: string,
  flag: string,
): { readonly host: string; readonly port: number } {
  const [, bracketed, bare, portText = '53'] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [
    undefined,
    undefined,
    text,
  ];
  const host = bracketed ?? bare ?? '';
  const port = Number(portText);
  if ((parseIpv4(host) === undefined && parseIpv6(host) === undefined) || port < 1 || port > 65_535) {
    throw new PortolanError('USAGE', `${flag} takes an IP address with or without a port, not "${text}"`, {
      fix: `Write ${flag} 192.0.2.53, ${flag} 192.0.2.53:5353 or ${flag} [2001:db8::53]:5353.`,
    });
  }
  return { host, port };
}

/** `ns1.example.com=192.0.2.53,2001:db8::53`; addresses may be missing. @throws PortolanError USAGE, DNS_NAME_INVALID */
export function nameServerArgument(text: string): {
  readonly name: DomainName;
  readonly addresses: readonly string[];
} {
  const [name = '', list = ''] = text.split('=', 2);
  const addresses = list === '' ? [] : list.split(',').map((a) => a.trim());
  const wrong = addresses.find((a) => parseIpv4(a) === undefined && parseIpv6(a) === undefined);
  if (wrong !== undefined) {
    throw new PortolanError('USAGE', `--name-server ${name}: "${wrong}" is no IP address`, {
      fix: 'Write --name-server ns1.example.com=192.0.2.53,2001:db8::53',
    });
  }
  return { name: parseName(name), addresses };
}
