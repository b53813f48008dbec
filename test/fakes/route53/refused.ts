/** Refuses a request with an AWS error. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string;
  readonly messages: readonly string[];

  constructor(status: number, code: string, messages: readonly string[]) {
    super(messages.join(' '));
    this.status = status;
    this.code = code;
    this.messages = messages;
  }
}

/** Something in the request that the service model does not allow. */
export class InvalidInput extends Refused {
  constructor(message: string) {
    super(400, 'InvalidInput', [message]);
  }
}
