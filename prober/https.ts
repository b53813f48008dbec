import { exchange, hostHeader } from './http.ts';
import type { ProbeRequest, ProbeRun, ProtocolCheck } from './probe.ts';
import { openTls, serverName } from './tls.ts';

/** The HTTPS probe: a verified TLS connection, then one HTTP/1.1 exchange as in the HTTP probe. */
export async function probeHttps(
  run: ProbeRun,
  request: ProbeRequest<ProtocolCheck<'https'>>,
): Promise<void> {
  const host = hostHeader(request);
  const socket = await openTls(run, request, serverName(request, withoutPort(host)), ['http/1.1']);
  await exchange(run, request, socket, host);
}

function withoutPort(host: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]+)\]|([^:]+))(?::\d+)?$/.exec(host) ?? [];
  return bracketed ?? plain ?? host;
}
