import { type DnsProviderSpec, providerTypeOf } from '../../src/resources/dns-provider.ts';
import type { ProviderCheck } from '../api/dns-services.ts';

export type Finding = ProviderCheck['findings'][number];

/**
 * What a check found, each thing once: the hub and the provider both look for the zones, and one bad credential fails everything that needs
 * it. No fix leads back to the check.
 * @param located what came of looking for each zone of the spec
 * @param found what the provider itself tried
 */
export function findingsOf(
  located: readonly Finding[],
  found: readonly Finding[],
  spec: DnsProviderSpec,
): readonly Finding[] {
  const said = new Set<string>();
  const findings: Finding[] = [];
  // The provider says more exactly what it tried, so its word is the one that stays.
  const own = located.filter(({ subject }) => found.every((other) => other.subject !== subject));
  const all = [...own.filter(isKept), ...found];
  for (const finding of all) {
    const { ok, message } = finding;
    if (!ok && said.has(message)) continue;
    if (!ok) said.add(message);
    findings.push(ok ? finding : { ...finding, fix: fixWithin(finding, spec) });
  }
  return findings;

  /** What failed for the same reason there is said there. */
  function isKept({ ok, message }: Finding): boolean {
    return ok || found.every((other) => other.ok || other.message !== message);
  }
}

const NO_HOST = /ENOTFOUND|EAI_AGAIN|getaddrinfo/i;
const NO_SERVER = /ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT/i;
const UNTRUSTED = /certificate|altnames|self[- ]signed/i;

/** What to correct. The table's fixes name this very command; a person who runs it has to be told more. */
function fixWithin({ message, fix }: Finding, spec: DnsProviderSpec): string {
  const isHost = NO_HOST.test(message);
  const isExact = fix !== undefined && !fix.includes('provider check') && (!isHost || /\bspec\./.test(fix));
  if (isExact) return fix;
  const type = providerTypeOf(spec);
  const address = addressOf(spec);
  const correct = address === undefined ? '' : `correct the host in \`${address}\`, or `;
  if (isHost) return capital(`${correct}see that the hub's machine resolves it.`);
  if (UNTRUSTED.test(message))
    return `Name the Secret with the server's certificate authority in \`spec.${type}.caSecret\`${address === undefined ? '' : `, and in \`${address}\` the host that its certificate is for`}.`;
  if (NO_SERVER.test(message))
    return capital(
      `${correct}see that the server runs and listens there, and that the hub's machine reaches it.`,
    );
  return `Correct \`spec.${type}\` and the Secret that it names, as the message says.`;
}

/** Where the server's address stands; clouds have theirs unless the spec gives another. */
function addressOf({ route53, google, azure, powerdns }: DnsProviderSpec): string | undefined {
  if (powerdns !== undefined) return 'spec.powerdns.url';
  if (route53 !== undefined) return route53.endpoint === undefined ? undefined : 'spec.route53.endpoint';
  if (google !== undefined) return google.endpoint === undefined ? undefined : 'spec.google.endpoint';
  if (azure !== undefined) return azure.endpoint === undefined ? undefined : 'spec.azure.endpoint';
  return 'spec.rfc2136.server';
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
