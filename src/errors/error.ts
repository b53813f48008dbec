import { ERROR_TABLE, type ErrorCode } from './table.ts';

/** One place in a document that is wrong. */
export interface FieldViolation {
  /** Path from the document's root, such as `spec.geo[1].tiers[0].members[2].weight`. */
  readonly path: string;
  readonly code: ErrorCode;
  readonly message: string;
  readonly fix: string;
}

export interface PortolanErrorOptions {
  readonly cause?: unknown;
  /** A more exact way out than the table's. */
  readonly fix?: string;
  readonly violations?: readonly FieldViolation[];
}

/** What crosses the API and `-o json`: RFC 9457 problem details with our members. */
export interface Problem {
  readonly type: string;
  readonly code: ErrorCode;
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly fix: string;
  readonly cause?: string;
  readonly violations?: readonly FieldViolation[];
}

/**
 * The one error type people see: a stable code, what happened, why, and what to type.
 * Compare `code`, never the message.
 */
export class PortolanError extends Error {
  readonly code: ErrorCode;
  readonly fix: string;
  readonly violations: readonly FieldViolation[];

  constructor(code: ErrorCode, message: string, options: PortolanErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'PortolanError';
    this.code = code;
    this.fix = options.fix ?? ERROR_TABLE[code].fix;
    this.violations = options.violations ?? [];
  }

  get status(): number {
    return ERROR_TABLE[this.code].status;
  }

  /** Wraps anything thrown; a PortolanError passes through unchanged. */
  static from(thrown: unknown, code: ErrorCode = 'INTERNAL'): PortolanError {
    if (thrown instanceof PortolanError) return thrown;
    return new PortolanError(code, messageOf(thrown), { cause: thrown });
  }

  /** What the cause says, unless the message says it already. */
  get unsaidCause(): string | undefined {
    if (this.cause === undefined) return undefined;
    const text = messageOf(this.cause);
    return text === '' || this.message.includes(text) ? undefined : text;
  }

  toProblem(): Problem {
    const cause = this.unsaidCause;
    return {
      type: `https://portolan.dev/errors/${this.code}`,
      code: this.code,
      status: this.status,
      title: ERROR_TABLE[this.code].meaning,
      detail: this.message,
      fix: this.fix,
      ...(cause === undefined ? {} : { cause }),
      ...(this.violations.length === 0 ? {} : { violations: this.violations }),
    };
  }
}

export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
