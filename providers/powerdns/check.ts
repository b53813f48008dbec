import type { DomainName } from '../../src/dns/name.ts';
import type { CheckFinding, ProviderZone } from '../contract.ts';
import { ProviderError } from '../contract.ts';
import { tryWith } from '../finding.ts';
import type { PowerDnsProvider } from './client.ts';
import { serverInfo, settings, zoneHead } from './wire.ts';
import { refuseSecondary } from './zone-kind.ts';

const finding = tryWith(
  'See that PowerDNS runs with `api=yes` and `webserver=yes`, and that the hub can reach it.',
);

/** Tries the API and each zone. The key is allowed everything or nothing, so what can be read can be written. */
export async function checkApi(
  provider: PowerDnsProvider,
  zones: readonly ProviderZone[],
  signal: AbortSignal,
): Promise<readonly CheckFinding[]> {
  const server = await finding('API key and server', async () => {
    const { version } = await provider.get('GetServer', '', serverInfo, { what: 'the server' }, signal);
    if (Number.parseInt(version, 10) < 4)
      throw new ProviderError('unsupported', `it is PowerDNS ${version}`, {
        fix: 'Use PowerDNS Authoritative Server 4.1 or newer.',
      });
    return `PowerDNS ${version}`;
  });
  if (!server.ok) return [server];
  const findings = [server];
  if (provider.options.spec.powerdns?.lua === true) findings.push(await checkLua(provider, signal));
  for (const zone of zones) {
    findings.push(
      await finding(`zone ${zone.origin}`, async () => {
        const path = `/zones/${encodeURIComponent(zone.id)}?rrsets=false`;
        const head = await provider.get('GetZone', path, zoneHead, { what: `zone ${zone.origin}` }, signal);
        refuseSecondary(zone, head);
        return `${head.kind}${head.dnssec === true ? ', signed by PowerDNS' : ''}: records may be written`;
      }),
    );
  }
  return findings;
}

/**
 * The server takes LUA records and answers NXDOMAIN when they are off.
 * @param group Owned name that the records would be of
 * @returns a setting by its name; empty when there is none
 * @throws ProviderError `unsupported` when LUA records are off
 */
export async function requireLua(
  provider: PowerDnsProvider,
  signal: AbortSignal,
  group?: DomainName,
): Promise<(name: string) => string> {
  const all = await provider.get('GetConfig', '/config', settings, { what: 'the settings' }, signal);
  const setting = (name: string): string => all.find((one) => one.name === name)?.value ?? '';
  if (!/^(yes|on|true|1|shared)$/i.test(setting('enable-lua-records')))
    throw new ProviderError('unsupported', 'LUA records are off, so they would not be answered', {
      group,
      fix: 'Set `enable-lua-records=yes` in pdns.conf and restart PowerDNS, or set `spec.powerdns.lua: false`.',
    });
  return setting;
}

function checkLua(provider: PowerDnsProvider, signal: AbortSignal): Promise<CheckFinding> {
  return finding('LUA records', async () => {
    const setting = await requireLua(provider, signal);
    const geo = /\bgeoip\b/.test(setting('launch'));
    const subnets = /^(yes|on|true|1)$/i.test(setting('edns-subnet-processing'));
    return [
      'enabled',
      geo
        ? '`country()` works (the GeoIP backend is loaded)'
        : 'without the GeoIP backend (`launch=…,geoip` and `geoip-database-files`) every client counts as not located',
      subnets
        ? 'the client subnet of a query is used'
        : 'without `edns-subnet-processing=yes` the place of the resolver counts, not of the client',
    ].join('; ');
  });
}
