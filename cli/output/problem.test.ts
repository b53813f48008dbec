import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { PortolanError } from '../../src/errors/error.ts';
import { containing } from '../../test/support/matchers.ts';
import { problemText, usageError } from './problem.ts';

const violation = (path: string, message: string, fix: string) =>
  ({ path, code: 'VALIDATION_FAILED', message, fix }) as const;

describe('an error for people', () => {
  it('has its code, what happened, the cause and the fix', () => {
    const error = new PortolanError('HUB_UNREACHABLE', 'no answer', {
      cause: new Error('ECONNREFUSED'),
      fix: 'Start it.',
    });
    expect(problemText(error, 'text')).toBe(
      'error HUB_UNREACHABLE: no answer\n  cause: ECONNREFUSED\n  fix: Start it.\n',
    );
  });

  it('does not repeat a cause the message already gives', () => {
    const error = new PortolanError('DISK_FULL', 'cannot write: ENOSPC', {
      cause: new Error('ENOSPC'),
      fix: 'x',
    });
    expect(problemText(error, 'text')).not.toContain('cause:');
  });

  it('lists every violation with its place and its own fix', () => {
    const error = new PortolanError('VALIDATION_FAILED', 'a.yaml:3: two fields are wrong', {
      fix: 'Correct both.',
      violations: [
        violation('spec.a', 'is missing', 'Add it.'),
        violation('spec.b', 'is unknown', 'Remove it.'),
      ],
    });
    expect(problemText(error, 'text').split('\n')).toEqual([
      'error VALIDATION_FAILED: a.yaml:3: two fields are wrong',
      '  spec.a: is missing',
      '    fix: Add it.',
      '  spec.b: is unknown',
      '    fix: Remove it.',
      '  fix: Correct both.',
      '',
    ]);
  });

  it('says a single violation once', () => {
    const error = new PortolanError('VALIDATION_FAILED', 'spec.a: is missing', {
      fix: 'Add it.',
      violations: [violation('spec.a', 'is missing', 'Add it.')],
    });
    expect(problemText(error, 'text')).toBe('error VALIDATION_FAILED: spec.a: is missing\n  fix: Add it.\n');
  });

  it('says the first of several violations once when it is the message, and a common fix once', () => {
    const lost = (host: string) =>
      violation('spec', `${host} would have no active endpoint`, 'Bring one back.');
    const error = new PortolanError(
      'VALIDATION_FAILED',
      'spec: a.example would have no active endpoint (and 1 more)',
      { fix: 'Bring one back.', violations: [lost('a.example'), lost('b.example')] },
    );
    expect(problemText(error, 'text').split('\n')).toEqual([
      'error VALIDATION_FAILED: spec: a.example would have no active endpoint (and 1 more)',
      '  spec: b.example would have no active endpoint',
      '  fix: Bring one back.',
      '',
    ]);
  });

  it('says each place of a mistake made twice', () => {
    const missing = (path: string) => violation(path, 'is missing', 'Add it.');
    const error = new PortolanError('VALIDATION_FAILED', 'spec.a: is missing (and 1 more)', {
      fix: 'Add it.',
      violations: [missing('spec.a'), missing('spec.b')],
    });
    expect(problemText(error, 'text')).toContain('(and 1 more)\n  spec.b: is missing\n  fix:');
  });

  it('is the problem document with -o json', () => {
    const problem: unknown = JSON.parse(problemText(new PortolanError('NOT_FOUND', 'no such thing'), 'json'));
    expect(problem).toMatchObject({ code: 'NOT_FOUND', status: 404, detail: 'no such thing' });
  });
});

describe('what the command line parser refuses', () => {
  it('becomes USAGE with what was probably meant', () => {
    const error = usageError(
      new CommanderError(1, 'commander.unknownCommand', "error: unknown command 'gett'\n(Did you mean get?)"),
      'portolan',
    );
    expect(error).toMatchObject({
      code: 'USAGE',
      message: "unknown command 'gett'",
      fix: containing('Did you mean get?'),
    });
  });

  it('is nothing when only help was asked for', () => {
    expect(
      usageError(new CommanderError(0, 'commander.helpDisplayed', '(outputHelp)'), 'portolan'),
    ).toBeUndefined();
  });
});
