import type { Socket } from 'node:net';
import { deferred } from '../src/async/deferred.ts';
import { networkFailure } from './network-failure.ts';
import type { ProbeRequest, ProbeRun, ProtocolCheck } from './probe.ts';

/** The TCP probe: the handshake completes. Nothing is sent. */
export async function probeTcp(run: ProbeRun, request: ProbeRequest<ProtocolCheck<'tcp'>>): Promise<void> {
  await openTcp(run, request);
}

/** A connection of its own for this probe, connected; the run destroys it at the end. */
export async function openTcp(
  run: ProbeRun,
  request: Pick<ProbeRequest, 'address' | 'port'>,
): Promise<Socket> {
  run.waitingFor('no TCP answer');
  const { promise, resolve, reject } = deferred<void>();
  const socket = run.io.connect(request.address, request.port);
  run.own(socket);
  // The listener stays on: an error after the probe is over must not reach the process.
  socket.on('error', (error) => reject(networkFailure(error, request.address)));
  socket.once('connect', resolve);
  await Promise.race([promise, run.over]);
  return socket;
}
