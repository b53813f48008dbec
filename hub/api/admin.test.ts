import { describe, expect, it } from 'vitest';
import { startAdmin } from './admin.ts';

async function asked(ready: boolean, path: string, method = 'GET') {
  const admin = await startAdmin(
    { host: '127.0.0.1', port: 0 },
    {
      ready: () => Promise.resolve({ ready, reasons: ready ? [] : ['store: away'] }),
      metrics: () => Promise.resolve('portolan_build_info 1\n'),
    },
  );
  try {
    const reply = await fetch(`http://127.0.0.1:${admin.address.port}${path}`, { method });
    return { status: reply.status, text: await reply.text() };
  } finally {
    await admin.close();
  }
}

describe("the hub's listener for supervisors", () => {
  it.each([
    [true, '/healthz', 200, '"ok"'],
    [false, '/healthz', 200, '"ok"'],
    [true, '/readyz', 200, '"ready":true'],
    [false, '/readyz', 503, 'store: away'],
    [true, '/metrics', 200, 'portolan_build_info 1'],
    [true, '/v1/status', 404, 'there is /healthz'],
  ])('ready %s: %s is %i', async (ready, path, status, text) => {
    const reply = await asked(ready, path);
    expect(reply.status).toBe(status);
    expect(reply.text).toContain(text);
  });

  it('takes nothing but GET', async () => {
    expect((await asked(true, '/healthz', 'POST')).status).toBe(405);
  });
});
