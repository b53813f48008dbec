import { describe, expect, it } from 'vitest';
import { PortolanError } from './error.ts';

describe('an error as a problem', () => {
  it('has the cause when the message does not say it', () => {
    const cause = new Error('no space left on device');
    expect(new PortolanError('DISK_FULL', 'the file cannot be written', { cause }).toProblem()).toMatchObject(
      {
        detail: 'the file cannot be written',
        cause: 'no space left on device',
      },
    );
  });

  it.each([
    [
      'is the whole message',
      'a record runs past the end of the file',
      'a record runs past the end of the file',
    ],
    ['ends it', 'the database is damaged: a record runs past the end', 'a record runs past the end'],
    ['says nothing', 'the database is damaged', ''],
  ])('does not repeat a cause that %s', (_where, message, cause) => {
    const error = new PortolanError('GEO_DATABASE_INVALID', message, { cause: new Error(cause) });
    expect(error.toProblem()).not.toHaveProperty('cause');
  });
});
