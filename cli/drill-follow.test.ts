import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createClient } from '../src/client/client.ts';
import type { DrillPhase } from '../src/resources/drill.ts';
import { followDrill } from './drill-follow.ts';

/* A hub that dies under a watch: what it says is a script, and its being away is a fetch that fails. */

const target = { namespace: 'default', name: 'd' };
const limits = { giveUpMs: 300, everyMs: 5 };

const drill = (phase: DrillPhase, messages: readonly string[], resourceVersion = '7') => ({
  apiVersion: 'portolan.dev/v1alpha1',
  kind: 'Drill',
  metadata: {
    ...target,
    uid: 'u',
    resourceVersion,
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
    timeline: messages.map((message) => ({ at: '2026-01-01T00:00:00Z', kind: 'note', message })),
  },
});

/** What the hub says of the drill to each question after the watch broke; the last stays. `undefined`: the hub is away. */
function following(
  answers: readonly (ReturnType<typeof drill> | 'gone' | undefined)[],
  fromRevision?: number,
) {
  let watches = 0;
  let questions = 0;
  const events: string[] = [];
  const said: string[] = [];
  const client = createClient({
    server: 'http://hub.test',
    sleep: (_ms, signal) => sleep(5, undefined, { signal }),
    fetch: async (input, init) => {
      const request = new Request(input, init);
      if (request.headers.get('accept') === 'text/event-stream') {
        watches += 1;
        if (watches > 1) throw new TypeError('fetch failed');
        const first = JSON.stringify({ revision: 8, object: drill('Running', ['began']) });
        return new Response(`event: modified\nid: 8\ndata: ${first}\n\n`, {
          headers: { 'content-type': 'text/event-stream' },
        });
      }
      const answer = answers[Math.min(questions, answers.length - 1)];
      questions += 1;
      if (answer === undefined) throw new TypeError('fetch failed');
      if (answer === 'gone')
        return Response.json(
          { code: 'NOT_FOUND', status: 404, detail: 'no', title: '', fix: '' },
          { status: 404 },
        );
      return Response.json(answer);
    },
  });
  const followed = followDrill(client, target, {
    signal: new AbortController().signal,
    ...(fromRevision === undefined ? {} : { fromRevision }),
    limits,
    onEvent: (event) => void events.push(event.message),
    onReconnect: (text) => void said.push(text),
  });
  return { followed, events, said, questions: () => questions };
}

describe('following a drill whose hub dies', () => {
  it('ends when the hub is back and has finished it, though the watch is not open again', async () => {
    const { followed, events, said } = following([
      undefined,
      undefined,
      drill('Running', ['began', 'went on']),
      drill('Aborted', ['began', 'went on', 'the hub stopped']),
    ]);
    expect((await followed)?.status?.phase).toBe('Aborted');
    expect(events).toEqual(['began', 'went on', 'the hub stopped']);
    expect(said).toEqual([expect.stringMatching(/^watching again: /), 'the hub answers again']);
  });

  it('gives up when the hub stays away, says so once, and says how to see the report later', async () => {
    const { followed, said } = following([undefined]);
    await expect(followed).rejects.toMatchObject({
      code: 'HUB_UNREACHABLE',
      message: expect.stringContaining('the hub did not answer for 0.3 s') as unknown,
      fix: expect.stringContaining('portolan drill report d -n default') as unknown,
    });
    expect(said).toHaveLength(1);
  });

  it('does not take the end of an earlier run for the end of this one', async () => {
    const { followed, questions } = following(
      [
        drill('Completed', ['earlier'], '6'),
        drill('Completed', ['earlier'], '6'),
        drill('Aborted', ['now'], '9'),
      ],
      6,
    );
    expect((await followed)?.status?.phase).toBe('Aborted');
    expect(questions()).toBe(3);
  });

  it('ends without a drill when it was deleted meanwhile', async () => {
    expect(await following([undefined, 'gone']).followed).toBeUndefined();
  });
});
