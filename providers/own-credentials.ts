import { ProviderError } from './contract.ts';

/** The hub's own machine; the guard refuses it unless the operator allows it. */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * What the hub's machine or environment gives it are the operator's credentials. They go to hosts of the cloud that they are of, and to
 * loopback where the operator allows that, but never to a host that whoever may write a DNSProvider names.
 * @param cloud matches host names of the cloud
 * @throws ProviderError `denied`
 */
export function keepOwnCredentials(field: string, url: string | undefined, cloud: RegExp): void {
  if (url === undefined) return;
  const { protocol, hostname } = new URL(url);
  if (LOOPBACK.test(hostname) || (protocol === 'https:' && cloud.test(hostname))) return;
  throw new ProviderError(
    'denied',
    `${field} is ${hostname}, and the hub's own credentials are not sent there`,
    { fix: `Name a Secret with credentials for ${hostname}, or leave ${field} out.` },
  );
}
