import { describe, expect, it } from 'vitest';
import type { RecordPlan } from '../../src/client/client.ts';
import { recordPlanLines } from './record-changes.ts';

const report = (hostname: string, handling: 'native' | 'lost'): RecordPlan['reports'][number] => ({
  hostname,
  provider: 'shop/cloud',
  zone: 'example.com.',
  outcome: 'native',
  features: [{ feature: 'sticky', handling, detail: 'A client may get another member.' }],
  hubDown: 'Records stay.',
});

describe('what a plan writes at DNS providers', () => {
  it('shows below a record what it leads to, and of a zone that could not be read anew how old the reading is', () => {
    const alias = { change: 'create', name: 'www.example.com.', type: 'A', setId: '' } as const;
    const lines = recordPlanLines({
      reports: [],
      zones: [
        {
          provider: 'shop/cloud',
          origin: 'example.com.',
          readSecondsAgo: 240,
          changes: [
            { ...alias, after: '{"targetResource":"Traffic Manager"}', details: ['DE:', '  priority 1:'] },
          ],
          held: [],
        },
      ],
    });
    expect(lines).toEqual([
      'records at DNS providers:',
      '  shop/cloud example.com. (as read 4m ago)',
      '    + www.example.com. A {"targetResource":"Traffic Manager"}',
      '        DE:',
      '          priority 1:',
    ]);
  });

  it('is told zone by zone, with what waits and what is not known', () => {
    const lines = recordPlanLines({
      reports: [],
      zones: [
        {
          provider: 'shop/cloud',
          origin: 'example.com.',
          changes: [
            { change: 'create', name: 'www.example.com.', type: 'A', setId: '', after: '30 192.0.2.1' },
          ],
          held: [{ name: 'a.example.com.', code: 'RECORDS_FOREIGN', message: 'not ours', fix: 'Adopt it.' }],
        },
        { provider: 'shop/quiet', origin: 'example.com.', changes: [], held: [] },
        { provider: 'shop/new', origin: 'example.com.', changes: [], held: [], unknown: 'not read yet' },
      ],
    });
    expect(lines).toEqual([
      'records at DNS providers:',
      '  shop/cloud example.com.',
      '    + www.example.com. A 30 192.0.2.1',
      '    ! a.example.com. waits (RECORDS_FOREIGN): not ours',
      '        fix: Adopt it.',
      '  shop/new example.com.',
      '    not known yet: not read yet',
    ]);
  });

  it('says in one line that all is kept, and in full what is not', () => {
    const reports = [report('a.example.com.', 'native'), report('b.example.com.', 'lost')];
    expect(recordPlanLines({ reports, zones: [] })).toEqual([
      'what they keep:',
      '  a.example.com. at shop/cloud (zone example.com.): routed by the provider',
      '  b.example.com. at shop/cloud (zone example.com.): routed by the provider',
      '    sticky: lost (A client may get another member)',
      '    hub away: Records stay.',
    ]);
  });

  it('counts what it does not show', () => {
    const changes = Array.from({ length: 203 }, (_, i) => ({
      change: 'delete' as const,
      name: `n${i}.example.com.`,
      type: 'A',
      setId: '',
      before: '30 192.0.2.1',
    }));
    const lines = recordPlanLines({
      reports: [],
      zones: [{ provider: 'shop/cloud', origin: 'example.com.', changes, held: [] }],
    });
    expect(lines).toHaveLength(203);
    expect(lines.at(-1)).toBe('    … and 3 more changes (-o json has them all)');
  });

  it('is nothing without DNS providers', () => {
    expect(recordPlanLines(undefined)).toEqual([]);
    expect(recordPlanLines({ reports: [], zones: [] })).toEqual([]);
  });
});
