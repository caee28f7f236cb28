/** A refusal of atc: its code and the sentence that belongs to it. */
export class AtcError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export function invalidValue(parameter: string, value: string, reason: string): AtcError {
  return new AtcError('E10001', `Value ${value} for parameter ${parameter} is invalid. Reason: ${reason}`);
}

/** What the real atc says of a form that an operator's plugin refuses; the reason it keeps for its log. */
export function parseFailure(reason: string): AtcError {
  return new AtcError('E19999', `Inner Error! Model parse to graph failed. stand-in: ${reason}`);
}
