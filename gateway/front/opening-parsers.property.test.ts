import net, { type AddressInfo, isIP, type Socket } from 'node:net';
import tls from 'node:tls';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readClientHello } from './client-hello.ts';
import { readProxyHeader } from './proxy-protocol.ts';

/** The first octets that a TLS client of this machine sends. */
async function helloFor(servername: string | undefined): Promise<Buffer> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const client = tls.connect({
    host: '127.0.0.1',
    port,
    ...(servername === undefined ? {} : { servername }),
  });
  client.on('error', () => {});
  const socket = await accepted;
  const hello = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
  socket.destroy();
  client.destroy();
  server.close();
  return hello;
}

/** The same handshake in records of at most this many octets. */
function inRecords(hello: Buffer, size: number): Buffer {
  const body = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < body.length; at += size) {
    const piece = body.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, piece.length >> 8, piece.length & 255]), piece);
  }
  return Buffer.concat(records);
}

describe('a ClientHello', () => {
  test('tells its server name, in one record or in many', async () => {
    const hello = await helloFor('API.Example.');
    const found = { type: 'hello', serverName: 'api.example' };
    expect(readClientHello(hello)).toEqual(found);
    for (const size of [1, 7, 100]) expect(readClientHello(inRecords(hello, size))).toEqual(found);
    expect(readClientHello(await helloFor(undefined))).toEqual({ type: 'hello', serverName: undefined });
  });

  test('is waited for as long as it is cut off, and read only whole', async () => {
    const hello = await helloFor('api.example');
    for (let length = 0; length < hello.length; length += 1) {
      expect(readClientHello(hello.subarray(0, length)), `${length}`).toEqual({ type: 'incomplete' });
    }
    expect(readClientHello(Buffer.concat([hello, Buffer.from('more')])).type).toBe('hello');
  });

  test('I26 whatever comes instead is named or refused, never a crash', async () => {
    const hello = await helloFor('api.example');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(hello.length - 1), fc.nat(255)), { maxLength: 6 }),
        fc.nat(hello.length),
        (changes, cut) => {
          const octets = Buffer.from(hello);
          for (const [at, value] of changes) octets[at] = value;
          expect(['incomplete', 'invalid', 'hello']).toContain(readClientHello(octets.subarray(0, cut)).type);
        },
      ),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => {
        expect(['incomplete', 'invalid', 'hello']).toContain(readClientHello(Buffer.from(octets)).type);
      }),
    );
    expect(readClientHello(Buffer.from('GET / HTTP/1.1\r\n')).type).toBe('invalid');
  });
});

describe('a PROXY header', () => {
  const signature = '0d0a0d0a000d0a515549540a';
  const v2 = (rest: string): Buffer => Buffer.from(signature + rest, 'hex');
  const from = (address: string, port: number) => ({ type: 'found', source: { address, port } });

  test.each([
    ['v1 over IPv4', Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n'), from('192.0.2.1', 1)],
    [
      'v1 over IPv6',
      Buffer.from('PROXY TCP6 2001:db8::1 2001:db8::2 65535 2\r\n'),
      from('2001:db8::1', 65_535),
    ],
    ['v1 of nobody', Buffer.from('PROXY UNKNOWN ff:: ff:: 1 2\r\n'), { type: 'found', source: undefined }],
    ['v2 over IPv4', v2('2111000cc0000201c000020200010002'), from('192.0.2.1', 1)],
    ['v2 with more', v2('2111000fc0000201c000020200010002040000'), from('192.0.2.1', 1)],
    [
      'v2 over IPv6',
      v2(`21210024${'20010db8000000000000000000000001'.repeat(2)}00010002`),
      from('2001:db8:0:0:0:0:0:1', 1),
    ],
    ['v2 of the balancer itself', v2('20000000'), { type: 'found', source: undefined }],
  ])('%s is read, and never before it is whole', (_what, header, expected) => {
    const tail = Buffer.from('GET /');
    expect(readProxyHeader(Buffer.concat([header, tail]), isIP)).toEqual({
      ...expected,
      length: header.length,
    });
    for (let length = 0; length < header.length; length += 1) {
      expect(readProxyHeader(header.subarray(0, length), isIP)).toEqual({ type: 'incomplete' });
    }
  });

  test.each([
    ['a port out of range', Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n')],
    ['an address of another family', Buffer.from('PROXY TCP4 ::1 ::1 1 2\r\n')],
    ['two spaces', Buffer.from('PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n')],
    ['no end', Buffer.from(`PROXY TCP4 ${'1'.repeat(110)}`)],
    ['another version', v2('3111000cc0000201c000020200010002')],
    ['another command', v2('2211000cc0000201c000020200010002')],
    ['addresses that are cut off', v2('21110004c0000201')],
    ['a length beyond all use', v2('2111ffff')],
  ])('with %s is invalid', (_what, header) => {
    expect(readProxyHeader(header, isIP).type).toBe('invalid');
  });

  test('anything else is no PROXY header', () => {
    for (const text of ['GET / HTTP/1.1', 'PRI * HTTP/2.0', '\x16\x03\x01']) {
      expect(readProxyHeader(Buffer.from(text, 'latin1'), isIP)).toEqual({ type: 'absent' });
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (octets) => {
        const { type } = readProxyHeader(Buffer.from(octets), isIP);
        expect(['absent', 'incomplete', 'invalid', 'found']).toContain(type);
      }),
    );
  });
});
