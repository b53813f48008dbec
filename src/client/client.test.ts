import { describe, expect, it } from 'vitest';
import { createClient } from './client.ts';
import { readEvents } from './event-stream.ts';

const containing = (text: string): unknown => expect.stringContaining(text);

const SERVER = 'http://hub.example:7460';
const object = (name: string, revision: number) => ({
  apiVersion: 'portolan.dev/v1alpha1',
  kind: 'Cluster',
  metadata: {
    namespace: 'team',
    name,
    uid: 'u',
    resourceVersion: String(revision),
    generation: 1,
    creationTimestamp: 't',
    finalizers: [],
    labels: {},
    annotations: {},
  },
  spec: { location: { country: 'DE' }, addresses: [] },
});
const event = (type: string, data: unknown, id?: number) =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
const change = (type: string, name: string, revision: number) =>
  event(type, { type, revision, object: object(name, revision) }, revision);
const stream = (text: string) => new Response(text, { headers: { 'content-type': 'text/event-stream' } });
const problem = (status: number, code: string) =>
  new Response(
    JSON.stringify({ type: 't', code, status, title: 't', detail: 'what happened', fix: 'do this' }),
    { status, headers: { 'content-type': 'application/problem+json' } },
  );

/** A hub that gives these answers one after the other, and notes what it was asked. */
const scripted = (...answers: (() => Response)[]) => {
  const asked: string[] = [];
  const fetch: typeof globalThis.fetch = async (input) => {
    const request = new Request(input);
    asked.push(`${request.method} ${new URL(request.url).pathname}${new URL(request.url).search}`);
    const next = answers.shift();
    if (next === undefined)
      throw new TypeError('fetch failed', {
        cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
      });
    return next();
  };
  return { asked, fetch };
};

describe('the client', () => {
  it('says which hub does not answer, why, and what to do', async () => {
    const { fetch } = scripted();
    await expect(createClient({ server: SERVER, fetch }).whoAmI()).rejects.toMatchObject({
      code: 'HUB_UNREACHABLE',
      message: containing(`${SERVER} cannot be reached: ECONNREFUSED`),
      fix: containing('--server'),
    });
  });

  it('says how long it waited for a hub that is silent', async () => {
    const fetch: typeof globalThis.fetch = (_, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
      });
    // The timer of an AbortSignal does not keep a process alive, a pending test does.
    await expect(createClient({ server: SERVER, fetch, timeoutMs: 20 }).whoAmI()).rejects.toMatchObject({
      code: 'HUB_UNREACHABLE',
      message: `the hub at ${SERVER} cannot be reached: no answer within 0.02 s`,
    });
  });

  it('points an untrusted certificate at the way to trust it', async () => {
    const fetch = async () => {
      throw new TypeError('fetch failed', {
        cause: Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }),
      });
    };
    await expect(createClient({ server: SERVER, fetch }).status()).rejects.toMatchObject({
      code: 'HUB_UNREACHABLE',
      fix: containing('NODE_EXTRA_CA_CERTS'),
    });
  });

  it('turns a problem into the PortolanError it stands for, violations included', async () => {
    const body = {
      code: 'VALIDATION_FAILED',
      detail: 'wrong',
      fix: 'fix it',
      violations: [{ path: 'spec.a', code: 'GEO_OVERLAP', message: 'm', fix: 'f' }],
    };
    const { fetch } = scripted(() => new Response(JSON.stringify(body), { status: 422 }));
    await expect(createClient({ server: SERVER, fetch }).apply({ documents: [] })).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      message: 'wrong',
      fix: 'fix it',
      violations: body.violations,
    });
  });

  it('names a code it does not know, of a newer hub', async () => {
    const { fetch } = scripted(() => problem(409, 'BRAND_NEW'));
    await expect(createClient({ server: SERVER, fetch }).status()).rejects.toMatchObject({
      code: 'INTERNAL',
      message: 'BRAND_NEW: what happened',
    });
  });

  it('tells a proxy from a hub', async () => {
    const { fetch } = scripted(
      () => new Response('<html>bad gateway</html>', { status: 502 }),
      () =>
        new Response(JSON.stringify({ hello: 'world' }), { headers: { 'content-type': 'application/json' } }),
    );
    const client = createClient({ server: SERVER, fetch });
    await expect(client.status()).rejects.toMatchObject({
      code: 'HUB_UNREACHABLE',
      message: containing('502'),
    });
    await expect(client.get('Cluster', { namespace: 'a', name: 'b' })).rejects.toMatchObject({
      code: 'HUB_UNREACHABLE',
    });
  });

  it('gives undefined for an object that is not there, and passes every other refusal on', async () => {
    const { fetch } = scripted(
      () => problem(404, 'NOT_FOUND'),
      () => problem(403, 'FORBIDDEN'),
    );
    const client = createClient({ server: SERVER, fetch });
    expect(await client.get('Cluster', { namespace: 'a', name: 'b' })).toBeUndefined();
    await expect(client.get('Cluster', { namespace: 'a', name: 'b' })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
  });

  it.each(['hub', 'ftp://hub', ''])('refuses %j as a server', (server) => {
    expect(() => createClient({ server })).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });

  it('keeps a path of the server and the names apart from it', async () => {
    const { fetch, asked } = scripted(() => problem(404, 'NOT_FOUND'));
    await createClient({ server: 'https://example.com/portolan/', fetch }).get('Cluster', {
      namespace: 'a',
      name: '../x?y',
    });
    expect(asked).toEqual(['GET /portolan/apis/portolan.dev/v1alpha1/namespaces/a/clusters/..%2Fx%3Fy']);
  });
});

describe('a watch', () => {
  const collect = async (hub: ReturnType<typeof scripted>, count: number, fromRevision?: number) => {
    const stop = new AbortController();
    const seen: string[] = [];
    const client = createClient({ server: SERVER, fetch: hub.fetch, sleep: async () => undefined });
    for await (const c of client.watch(
      { kind: 'Cluster' },
      { signal: stop.signal, ...(fromRevision === undefined ? {} : { fromRevision }) },
    )) {
      seen.push('object' in c ? `${c.type} ${c.object.metadata.name}` : c.type);
      if (seen.length >= count) stop.abort();
    }
    return seen;
  };

  it('goes on after the last change when the stream breaks', async () => {
    const hub = scripted(
      () =>
        stream(
          `${change('added', 'a', 3)}${event('synced', { revision: 7 }, 7)}${change('added', 'b', 8)}id: 9\nevent: modi`,
        ),
      () => problem(503, 'NOT_READY'),
      () => stream(change('modified', 'a', 9)),
    );
    expect(await collect(hub, 4)).toEqual(['added a', 'synced', 'added b', 'modified a']);
    expect(hub.asked.map((a) => a.split('?')[1])).toEqual([
      undefined,
      'resourceVersion=8',
      'resourceVersion=8',
    ]);
  });

  it('starts anew when the stream broke before everything was listed', async () => {
    const hub = scripted(
      () => stream(change('added', 'a', 3)),
      () => stream(`${change('added', 'a', 3)}${event('synced', { revision: 7 })}`),
    );
    expect(await collect(hub, 4)).toEqual(['added a', 'restarted', 'added a', 'synced']);
    expect(hub.asked[1]).not.toContain('resourceVersion');
  });

  it('starts anew when what it missed is no longer kept', async () => {
    const hub = scripted(
      () => stream(event('error', { code: 'WATCH_EXPIRED', detail: 'd', fix: 'f' })),
      () => stream(`${change('added', 'a', 30)}${event('synced', { revision: 31 })}`),
    );
    expect(await collect(hub, 3, 5)).toEqual(['restarted', 'added a', 'synced']);
  });

  it('fails at once when the hub was never reached or refuses', async () => {
    await expect(collect(scripted(), 1)).rejects.toMatchObject({ code: 'HUB_UNREACHABLE' });
    await expect(
      collect(
        scripted(() => problem(403, 'FORBIDDEN')),
        1,
      ),
    ).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('fails when its token is revoked in the middle', async () => {
    const hub = scripted(() =>
      stream(
        `${event('synced', { revision: 1 })}${event('error', { code: 'UNAUTHENTICATED', detail: 'd', fix: 'f' })}`,
      ),
    );
    await expect(collect(hub, 5)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});

describe('an event stream', () => {
  it('is read the same wherever the network cuts it, in the middle of a character too', async () => {
    const bytes = new TextEncoder().encode(
      ': hello\r\n\r\nid: 1\r\nevent: a\r\ndata: {"x":"é"}\r\n\r\ndata: one\ndata: two\n\ndata: cut off',
    );
    for (let size = 1; size <= bytes.length; size += 1) {
      const chunks = async function* () {
        for (let i = 0; i < bytes.length; i += size) yield bytes.slice(i, i + size);
      };
      const events = [];
      for await (const e of readEvents(chunks())) events.push(e);
      expect(events).toEqual([
        { event: 'a', data: '{"x":"é"}', id: '1' },
        { event: 'message', data: 'one\ntwo', id: '1' },
      ]);
    }
  });
});
