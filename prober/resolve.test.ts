import { createSocket, type Socket } from 'node:dgram';
import { type Answer, decode, encode } from 'dns-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { machineResolve, systemResolve } from './resolve.ts';

const RCODE: Readonly<Record<string, number>> = { 'gone.example': 3, 'broken.example': 2 };
const RECORDS: Readonly<Record<string, readonly Answer[]>> = {
  'both.example A': [{ type: 'A', name: 'both.example', data: '192.0.2.1' }],
  'both.example AAAA': [{ type: 'AAAA', name: 'both.example', data: '2001:db8::1' }],
  'six.example AAAA': [{ type: 'AAAA', name: 'six.example', data: '2001:db8::6' }],
  'alias.example A': [
    { type: 'CNAME', name: 'alias.example', data: 'both.example' },
    { type: 'A', name: 'both.example', data: '192.0.2.1' },
  ],
};

/** A name server on loopback that answers from the table above. */
async function serve(): Promise<{ readonly socket: Socket; readonly address: string }> {
  const socket = createSocket('udp4');
  socket.on('message', (message, from) => {
    const query = decode(message);
    const [question] = query.questions ?? [];
    if (question === undefined) return;
    const answers = [...(RECORDS[`${question.name} ${question.type}`] ?? [])];
    const flags = 0x80 | (RCODE[question.name] ?? 0);
    socket.send(
      encode({ type: 'response', id: query.id ?? 0, flags, questions: [question], answers }),
      from.port,
    );
  });
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', resolve);
  });
  return { socket, address: `127.0.0.1:${socket.address().port}` };
}

describe('looking up an endpoint', () => {
  const sockets: Socket[] = [];
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.close();
  });
  const resolver = async () => {
    const { socket, address } = await serve();
    sockets.push(socket);
    return systemResolve([address]);
  };

  it('gives the addresses of both families, of one alone, and behind an alias', async () => {
    const resolve = await resolver();
    expect(await resolve('both.example')).toEqual(['192.0.2.1', '2001:db8::1']);
    expect(await resolve('six.example')).toEqual(['2001:db8::6']);
    expect(await resolve('alias.example')).toEqual(['192.0.2.1']);
  });

  it('rejects with the code that tells a missing name from a broken server', async () => {
    const resolve = await resolver();
    await expect(resolve('gone.example')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    await expect(resolve('broken.example')).rejects.toMatchObject({ code: 'ESERVFAIL' });
    await expect(resolve('empty.example')).rejects.toMatchObject({ code: 'ENODATA' });
  });

  it('can ask the machine for what DNS does not have, and for nothing else', async () => {
    const { socket, address } = await serve();
    sockets.push(socket);
    const resolve = machineResolve([address]);
    expect(await resolve('six.example')).toEqual(['2001:db8::6']);
    expect(await resolve('localhost')).toContain('127.0.0.1');
    await expect(resolve('broken.example')).rejects.toMatchObject({ code: 'ESERVFAIL' });
    await expect(resolve('unknown.invalid')).rejects.toMatchObject({ code: 'ENODATA' });
  });
});
