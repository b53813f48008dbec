import { Metadata, type ServiceError } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { PortolanError } from '../errors/error.ts';
import { fromServiceError, toStatus } from './stream-errors.ts';

const failure = (details: string, metadata = new Metadata()): ServiceError =>
  Object.assign(new Error(`14 UNAVAILABLE: ${details}`), { code: 14, details, metadata });

it('names the clock when a certificate is not valid at this time, and only then', () => {
  for (const words of ['certificate is not yet valid', 'certificate has expired']) {
    const told = `No connection established. Last error: Error: ${words}. Resolution note: `;
    const error = fromServiceError(failure(told), 'HUB_UNREACHABLE');
    expect(error.code).toBe('CLOCK_SKEW');
    expect(error.message).toContain(`by the clock of this machine (${words})`);
  }
  const away = failure('No connection established. Last error: Error: connect ECONNREFUSED 192.0.2.1:7462');
  expect(fromServiceError(away, 'PEER_UNREACHABLE').code).toBe('PEER_UNREACHABLE');
});

it('takes what the other end said before the words of the connection', () => {
  const { details = '', metadata } = toStatus(new PortolanError('AGENT_REVOKED', 'certificate has expired'));
  expect(fromServiceError(failure(details, metadata), 'HUB_UNREACHABLE').code).toBe('AGENT_REVOKED');
});
