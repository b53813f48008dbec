import { messageOf, PortolanError } from '../src/errors/error.ts';
import type { Target } from '../src/health/types.ts';
import { type AddressGuard, NoAddress, pinAddress } from './address-guard.ts';
import { probeGrpc } from './grpc.ts';
import { probeHttp } from './http.ts';
import { probeHttps } from './https.ts';
import { errorCode } from './network-failure.ts';
import {
  ProbeFailure,
  type ProbeIo,
  type ProbeOutcome,
  type ProbeRequest,
  type ProbeRun,
  ProbeUnable,
  runProbe,
} from './probe.ts';
import { probeTcp } from './tcp.ts';
import { probeTls } from './tls.ts';

/** Where to probe a target from here, and with what. */
export interface TargetProbe {
  readonly target: Target;
  /** Its cluster's own agent uses the internal address when there is one. */
  readonly inside: boolean;
  /** The PEM bundle of the check's `caSecret`; undefined when this vantage point does not have it. */
  readonly ca: string | undefined;
}

/**
 * One probe of one target, of whatever protocol its check names: resolve and pin the address, judge it, connect, ask,
 * destroy. The check's timeout covers all of it. Never throws; an abort ends it as `unable`.
 */
export function probeTarget(
  { target, inside, ca }: TargetProbe,
  io: ProbeIo,
  guard: AddressGuard,
  signal: AbortSignal,
): Promise<ProbeOutcome> {
  const { check } = target;
  return runProbe(io, check.timeoutMs, signal, async (run) => {
    if ('caSecret' in check && check.caSecret !== undefined && ca === undefined) {
      const { name, key } = check.caSecret;
      throw new ProbeUnable(`the CA bundle (Secret ${name}, key ${key}) is not available here`);
    }
    const place = inside && target.internal !== undefined ? target.internal : target;
    const address = await Promise.race([pin(place.address, run, guard), run.over]);
    await dispatch(run, {
      address,
      port: place.port,
      check,
      defaultHost: probeHost(target.defaultHost),
      ...(ca === undefined ? {} : { ca }),
    });
  });
}

/**
 * The name a probe presents for a policy's hostname: no trailing dot, and a wildcard's first label replaced by one that the
 * wildcard covers.
 */
export function probeHost(hostname: string): string {
  const name = hostname.endsWith('.') ? hostname.slice(0, -1) : hostname;
  return name.startsWith('*.') ? `portolan-probe${name.slice(1)}` : name;
}

async function dispatch(run: ProbeRun, request: ProbeRequest): Promise<void> {
  const { check } = request;
  switch (check.protocol) {
    case 'http':
      return probeHttp(run, { ...request, check });
    case 'https':
      return probeHttps(run, { ...request, check });
    case 'tcp':
      return probeTcp(run, { ...request, check });
    case 'tls':
      return probeTls(run, { ...request, check });
    case 'grpc':
      return probeGrpc(run, { ...request, check });
  }
}

/** DNS errors that are an answer about the name; others say that the resolver is out of reach, which is our own trouble. */
const NAME_ERRORS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'does not exist',
  ENODATA: 'has no address',
  ESERVFAIL: 'cannot be resolved (SERVFAIL)',
};

async function pin(addressOrName: string, run: ProbeRun, guard: AddressGuard): Promise<string> {
  run.waitingFor(`the resolver did not answer for ${addressOrName}`, 'here');
  try {
    return await pinAddress(addressOrName, guard);
  } catch (thrown) {
    if (thrown instanceof PortolanError)
      throw new ProbeUnable(`${thrown.code}: ${thrown.message}`, { cause: thrown });
    if (thrown instanceof NoAddress) throw new ProbeFailure(thrown.message);
    const answer = NAME_ERRORS[errorCode(thrown)];
    if (answer !== undefined) throw new ProbeFailure(`${addressOrName} ${answer}`, { cause: thrown });
    throw new ProbeUnable(`${addressOrName} cannot be resolved: ${messageOf(thrown)}`, { cause: thrown });
  }
}
