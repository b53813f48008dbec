/** What Azure Resource Manager answers with when it does not do what it is asked. */
export class ArmError extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

export function bad(message: string, code = 'BadRequest'): never {
  throw new ArmError(400, code, message);
}

export interface ArmReply {
  readonly status: number;
  readonly body?: unknown;
}

let etags = 0;

/** ETags of Azure DNS are opaque and change with each write. */
export function nextEtag(): string {
  etags += 1;
  return `00000000-0000-0000-${String(etags).padStart(4, '0')}-${(etags * 7919).toString(16).padStart(12, '0')}`;
}
