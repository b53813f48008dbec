import { describe, expect, it } from 'vitest';
import { parseName } from '../dns/name.ts';
import type { CompileReport } from './compile-report.ts';
import { explainReport } from './explain-report.ts';

const report: CompileReport = {
  hostname: parseName('www.example.com'),
  provider: 'shop/aws',
  zone: parseName('example.com'),
  outcome: 'native',
  features: [
    { feature: 'geo', handling: 'native', detail: 'Route 53 geolocation records for EU, US and *.' },
    { feature: 'sticky', handling: 'lost', detail: 'A client may get another member with each query.' },
  ],
  hubDown: 'While the hub is away the records stay as they are.',
};

describe('a compile report in words', () => {
  it('has a line a feature, and what happens while the hub is away', () => {
    expect(explainReport(report)).toEqual([
      'www.example.com. at shop/aws (zone example.com.): routed by the provider',
      '  geo: native (Route 53 geolocation records for EU, US and *)',
      '  sticky: lost (A client may get another member with each query)',
      '  hub away: While the hub is away the records stay as they are.',
    ]);
  });

  it('says what to do about what is refused', () => {
    const refused: CompileReport = {
      ...report,
      outcome: 'refused',
      features: [
        {
          feature: 'geo',
          handling: 'refused',
          detail: 'It has no countries.',
          fix: 'Write `accept: [geo]`.',
        },
      ],
      hubDown: 'Nothing is changed.',
    };
    expect(explainReport(refused)).toEqual([
      'www.example.com. at shop/aws (zone example.com.): refused: what is there stays as it is',
      '  geo: refused (It has no countries)',
      '    fix: Write `accept: [geo]`.',
      '  hub away: Nothing is changed.',
    ]);
    const whole: CompileReport = {
      ...refused,
      features: [],
      refusal: { message: 'It has no health checks.', fix: 'Write `decider: portolan`.' },
    };
    expect(explainReport(whole).slice(1, 3)).toEqual([
      '  refused: It has no health checks.',
      '    fix: Write `decider: portolan`.',
    ]);
  });
});
