import { describe, expect, it } from 'vitest';
import { ACCEPTABLE_LOSSES } from '../resources/traffic-policy.ts';
import type { Feature, Handling } from './compile-report.ts';
import { type FeatureClaim, judgeClaims } from './losses.ts';

const L = 'lost';
const R = 'refused';

/**
 * What becomes of a feature: kept by the provider, kept by the hub, not kept and accepted by the author, not kept and not accepted, not even
 * claimed. What cannot be written into `accept` has the same word in both.
 */
const TABLE: Readonly<Record<Feature, readonly [Handling, Handling, Handling, Handling, Handling]>> = {
  //            native     computed    accepted  not accepted  no claim
  geo: ['native', 'computed', L, R, R],
  subnets: ['native', 'computed', L, R, R],
  weights: ['native', 'computed', L, R, R],
  mixedTypes: ['native', 'computed', L, R, R],
  residency: ['native', 'computed', R, R, R],
  failover: ['native', 'computed', R, R, R],
  sticky: ['native', 'computed', L, L, L],
  dynamicTtl: ['native', 'computed', L, L, L],
  panic: ['native', 'computed', L, L, L],
  capacityFloor: ['native', 'computed', L, L, L],
  drainRamp: ['native', 'computed', L, L, L],
  nearest: ['native', 'computed', L, L, L],
  maxAnswers: ['native', 'computed', L, L, L],
};
const FEATURES = Object.keys(TABLE) as readonly Feature[];

const claim = (feature: Feature, kept: FeatureClaim['kept']): FeatureClaim => ({
  feature,
  kept,
  detail: `${feature} ${kept}.`,
});

describe('the rule on losses', () => {
  it.each(FEATURES)('of %s', (feature) => {
    const judge = (accepted: readonly Feature[], claims: readonly FeatureClaim[]) => {
      const { features, refused } = judgeClaims({ features: [feature], accepted }, claims);
      const [report] = features;
      expect(features).toHaveLength(1);
      expect(refused).toBe(report?.handling === 'refused');
      // Whoever is refused reads what to do about it; nobody else has to do anything.
      expect(report?.fix === undefined).toBe(!refused);
      return report;
    };
    const rows = [
      judge([], [claim(feature, 'native')]),
      judge([], [claim(feature, 'computed')]),
      judge([feature], [claim(feature, 'no')]),
      judge([], [claim(feature, 'no')]),
      judge([], []),
    ];
    expect(rows.map((report) => report?.handling)).toEqual(TABLE[feature]);
    expect(rows.slice(0, 4).map((report) => report?.detail)).toEqual([
      `${feature} native.`,
      `${feature} computed.`,
      `${feature} no.`,
      `${feature} no.`,
    ]);
    expect(rows[4]?.detail).toMatch(/^[A-Z].+\.$/);
  });

  it('lets an author accept what the schema lets him write, and nothing else', () => {
    const acceptable = FEATURES.filter((feature) => TABLE[feature][2] === L && TABLE[feature][3] === R);
    expect(acceptable.sort()).toEqual([...ACCEPTABLE_LOSSES].sort());
  });

  it('reports what is asked for, in that order, once each', () => {
    const { features, refused } = judgeClaims({ features: ['weights', 'geo'], accepted: ['geo'] }, [
      claim('geo', 'no'),
      claim('sticky', 'native'),
      claim('weights', 'native'),
    ]);
    expect(features.map(({ feature, handling }) => `${feature} ${handling}`)).toEqual([
      'weights native',
      'geo lost',
    ]);
    expect(refused).toBe(false);
  });

  it('says the fix of the provider where it has a better one', () => {
    const { features } = judgeClaims({ features: ['geo', 'weights'], accepted: [] }, [
      { ...claim('geo', 'no'), fix: 'Use regions.' },
    ]);
    expect(features.map(({ fix }) => fix)).toEqual([
      'Use regions.',
      'Write `accept: [weights]` below spec.dns, or delegate the name to the embedded name servers (`spec.delegation` of a Zone), which do all of it.',
    ]);
  });
});
