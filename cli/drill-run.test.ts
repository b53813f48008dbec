import { afterEach, describe, expect, it } from 'vitest';
import type { DrillPhase } from '../src/resources/drill.ts';
import { run } from './run.ts';
import type { Terminal } from './terminal.ts';

/* `drill run` against a hub that speaks HTTP and server-sent events from a script. */

const realFetch = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = realFetch;
});

const drill = (phase: DrillPhase, messages: readonly string[]) => ({
  apiVersion: 'portolan.dev/v1alpha1',
  kind: 'Drill',
  metadata: {
    namespace: 'default',
    name: 'fail-paris',
    uid: 'u',
    resourceVersion: '7',
    generation: 1,
    creationTimestamp: '2026-01-01T00:00:00Z',
    finalizers: [],
    labels: {},
    annotations: {},
  },
  spec: { action: 'fail', cluster: 'paris', durationSeconds: 20, countries: [] },
  status: {
    conditions: [],
    phase,
    startedAt: '2026-01-01T00:00:00Z',
    timeline: messages.map((message, i) => ({
      at: new Date(Date.parse('2026-01-01T00:00:00Z') + i * 1500).toISOString(),
      kind: 'note',
      message,
    })),
    ...(phase === 'Running' || phase === 'RollingBack'
      ? {}
      : {
          report: {
            detectMs: 812,
            countries: [
              {
                country: 'FR',
                hostname: 'www.shop.example.',
                before: ['192.0.2.1'],
                during: ['192.0.2.2'],
                after: ['192.0.2.1'],
                convergedMs: 1384,
              },
              {
                country: 'US',
                hostname: 'www.shop.example.',
                before: ['192.0.2.2'],
                during: ['192.0.2.2'],
                after: ['192.0.2.2'],
              },
            ],
            requests: [{ endpoint: 'paris', before: 7, during: 16, after: 1, errors: 2 }],
            outcome: 'as scripted',
          },
        }),
  },
});

const policies = [
  {
    apiVersion: 'portolan.dev/v1alpha1',
    kind: 'TrafficPolicy',
    metadata: { ...drill('Running', []).metadata, name: 'web' },
    spec: {
      hostnames: ['www.shop.example.'],
      endpoints: [
        { name: 'par', cluster: 'paris', addresses: ['192.0.2.1'] },
        { name: 'ohio', cluster: 'ohio', addresses: ['192.0.2.2'] },
      ],
    },
  },
];

/** A hub that ends the drill as `last` says: at once, when the abort has come, or never. */
function scriptedHub(
  last: DrillPhase,
  ends: 'at once' | 'after abort' | 'never' = 'at once',
  instead: Readonly<Record<string, () => Response>> = {},
) {
  const calls: string[] = [];
  let aborted: () => void = () => undefined;
  const abort = new Promise<void>((resolve) => {
    aborted = resolve;
  });
  const event = (phase: DrillPhase, messages: readonly string[]): string =>
    `event: modified\nid: 8\ndata: ${JSON.stringify({ revision: 8, object: drill(phase, messages) })}\n\n`;
  globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const { pathname, search } = new URL(request.url);
    calls.push(`${request.method} ${pathname}`);
    const scripted = instead[pathname.slice(pathname.lastIndexOf('/'))];
    if (scripted !== undefined) return scripted();
    if (request.headers.get('accept') === 'text/event-stream') {
      calls.push(search);
      const body = new ReadableStream<Uint8Array>({
        start: async (stream) => {
          const send = (text: string): void => stream.enqueue(new TextEncoder().encode(text));
          send(event('Running', ['began']));
          send(event('RollingBack', ['began', 'went on']));
          request.signal.addEventListener('abort', () => stream.error(request.signal.reason));
          if (ends === 'after abort') await abort;
          if (ends === 'never') return;
          send(event(last, ['began', 'went on', 'ended']));
        },
      });
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
    }
    if (pathname.endsWith('/abort')) aborted();
    if (pathname.endsWith('/v1/apply'))
      return Response.json({ revision: 6, documents: [], objects: [], warnings: [] });
    if (pathname.includes('/v1/drills/')) return Response.json(drill('Running', []));
    const kind = pathname.endsWith('/drills')
      ? 'Drill'
      : pathname.endsWith('/clusters')
        ? 'Cluster'
        : 'TrafficPolicy';
    return Response.json({
      apiVersion: 'portolan.dev/v1alpha1',
      kind: `${kind}List`,
      metadata: { resourceVersion: '6' },
      items: kind === 'TrafficPolicy' ? policies : [],
    });
  };
  return calls;
}

async function drillRun(
  onOutput: (err: string, interrupt: () => void) => void = () => undefined,
  verb: readonly string[] = ['run', '--action', 'fail'],
) {
  let out = '';
  let err = '';
  let interrupt: () => void = () => undefined;
  const terminal: Terminal = {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
      onOutput(err, interrupt);
    },
    readStdin: async () => '',
    env: { PORTOLAN_SERVER: 'http://hub.test', PORTOLAN_TOKEN: 'ptk1.x.y' },
    workingFolder: '/nowhere',
    homeFolder: '/nowhere',
    isTerminal: false,
    errorIsTerminal: false,
    nowMs: () => 0,
    onInterrupt: (listener) => {
      interrupt = listener;
      return () => {
        interrupt = () => undefined;
      };
    },
  };
  const argv = ['drill', ...verb, '--cluster', 'paris', '--duration', '20'];
  const code = await run(argv, terminal, '0.1.0', import.meta.url);
  return { code, out, err };
}

describe('drill run', () => {
  it('stores the drill, starts it, follows each event once, and reports with names beside addresses', async () => {
    const calls = scriptedHub('Completed');
    const { code, out, err } = await drillRun();
    expect(code).toBe(0);
    expect(calls).toEqual(
      expect.arrayContaining([
        'POST /v1/apply',
        'POST /v1/drills/default/fail-paris/start',
        '?resourceVersion=6',
      ]),
    );
    expect(err.match(/^ +\+\d+\.\d s .*$/gm)).toEqual([
      '   +0.0 s  note       began',
      '   +1.5 s  note       went on',
      '   +3.0 s  note       ended',
    ]);
    expect(out).toContain('Completed: as scripted');
    expect(out).toMatch(/FR +par \(192\.0\.2\.1\) +ohio \(192\.0\.2\.2\) +par \(192\.0\.2\.1\) +1384 ms/);
    expect(out).toMatch(/US +ohio \(192\.0\.2\.2\) .* not affected/);
    expect(out).toMatch(/\nparis +7 +16 +1 +2\n/);
  });

  it.each(['Aborted', 'Failed'] as const)('ends with 1 when the drill is %s', async (phase) => {
    scriptedHub(phase);
    expect((await drillRun()).code).toBe(1);
  });

  it('aborts the drill at the first Ctrl-C and waits for the rollback', async () => {
    const calls = scriptedHub('Aborted', 'after abort');
    let pressed = false;
    const { code, out } = await drillRun((err, interrupt) => {
      if (pressed || !err.includes('went on')) return;
      pressed = true;
      interrupt();
    });
    expect(calls).toContain('POST /v1/drills/default/fail-paris/abort');
    expect([code, out]).toEqual([1, expect.stringContaining('Aborted: as scripted')]);
  });

  it('does not wait after the second Ctrl-C', async () => {
    const calls = scriptedHub('Aborted', 'never');
    let presses = 0;
    const { code, out } = await drillRun((err, interrupt) => {
      if (presses > 0 || !err.includes('went on')) return;
      presses = 2;
      interrupt();
      interrupt();
    });
    expect([code, out]).toEqual([1, '']);
    expect(calls).toContain('POST /v1/drills/default/fail-paris/abort');
  });

  it('says how to delete what a refusal leaves stored', async () => {
    const problem = {
      type: 'https://portolan.dev/errors/DRILL_REFUSED',
      code: 'DRILL_REFUSED',
      status: 409,
      title: 'A guard refuses the drill.',
      detail: 'refused by capacity (figures)',
      fix: 'change it',
    };
    scriptedHub('Completed', 'at once', {
      '/start': () =>
        Response.json(problem, { status: 409, headers: { 'content-type': 'application/problem+json' } }),
    });
    const { code, err } = await drillRun();
    expect(code).not.toBe(0);
    expect(err).toContain('refused by capacity (figures)');
    expect(err).toContain('to delete it: portolan delete drill fail-paris -n default');
  });
});

describe('drill plan', () => {
  const planned = (guards: readonly object[]) => () =>
    Response.json({
      guards,
      steps: ['drain'],
      answers: {
        compared: { hostnames: 1, places: 1 },
        changes: [
          {
            hostname: 'www.shop.example.',
            namespace: 'default',
            places: ['FR'],
            before: [{ endpoint: 'par', cluster: 'default/paris', percent: 100 }],
            after: [{ endpoint: 'ohio', cluster: 'default/ohio', percent: 100 }],
          },
        ],
      },
    });

  it.each([
    [
      [{ name: 'ramp', ok: true, detail: 'longer' }],
      'answers at the end of the ramp, which the drill does not reach:',
    ],
    [[], 'answers:'],
  ])('shows the answers for what they are', async (guards, heading) => {
    scriptedHub('Completed', 'at once', { '/plan': planned(guards) });
    const { code, out } = await drillRun(undefined, ['plan', '--action', 'drain']);
    expect(code).toBe(0);
    expect(out.split('\n')).toContain(heading);
    expect(out).toContain('par 100 → 0 %');
  });
});
