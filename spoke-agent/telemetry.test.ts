import { describe, expect, it } from 'vitest';
import { PortolanError } from '../src/errors/error.ts';
import { renderMetrics, single } from '../src/telemetry/metric-text.ts';
import { createLog } from './log.ts';

describe('log lines', () => {
  const lines = (pretty: boolean) => {
    const written: string[] = [];
    const log = createLog({
      level: 'info',
      name: 'agent',
      pretty,
      write: (line) => written.push(line),
      wallMs: () => 1_700_000_000_000,
    });
    log.debug({}, 'not at this level');
    log.warn(
      { cluster: 'default/eu-1', err: new PortolanError('DISK_FULL', 'no space') },
      'it happened\nhere',
    );
    return written;
  };

  it('are the JSON that pino tools read, one a line', () => {
    const [line = '', ...more] = lines(false);
    expect(more).toEqual([]);
    expect(line.match(/\n/g)).toHaveLength(1);
    expect(JSON.parse(line)).toMatchObject({
      level: 40,
      time: 1_700_000_000_000,
      name: 'agent',
      cluster: 'default/eu-1',
      err: { code: 'DISK_FULL', message: 'no space' },
      msg: 'it happened\nhere',
    });
  });

  it('are short for people', () => {
    expect(lines(true)[0]).toMatch(
      /^22:13:20 WARN {2}agent: it happened\nhere cluster=default\/eu-1 err="DISK_FULL: no space"\n$/,
    );
  });
});

describe('metrics', () => {
  it('are rendered in the text format, labels escaped, empty families left out', () => {
    const text = renderMetrics([
      single('gauge', 'a', 'About a.', 1.5),
      { name: 'b', help: 'none', type: 'counter', samples: [] },
      {
        name: 'c',
        help: 'two\nlines',
        type: 'counter',
        samples: [{ labels: { x: 'q"\\\n', y: 2 }, value: 3 }],
      },
    ]);
    expect(text).toBe(
      '# HELP a About a.\n# TYPE a gauge\na 1.5\n# HELP c two\\nlines\n# TYPE c counter\nc{x="q\\"\\\\\\n",y="2"} 3\n',
    );
  });
});
