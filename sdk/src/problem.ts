/** A refusal by the server: its status and its own sentence, ready to be shown. */
export class Problem extends Error {
  override readonly name = 'Problem';

  constructor(
    readonly status: number,
    readonly sentence: string,
    /** From `Retry-After`; null if the server named no time. */
    readonly retryAfterMs: number | null = null,
    /** False when the answer was no problem of this API: a proxy's page, or another server's. */
    readonly isOurs = true,
  ) {
    super(sentence);
  }
}

/** The server could not be reached, or the connection broke. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

/** An answer that is not this API's: another server stands at the address, or one of another age. */
export class Unexpected extends Error {
  override readonly name = 'Unexpected';

  constructor(readonly url: string) {
    super(`No CommuniConnect Live server of this version answered at ${url}`);
  }
}

/** Reads a response that is not a success into a `Problem`. The body may be problem+json, or anything. */
export async function problemOf(response: Response): Promise<Problem> {
  let sentence = '';
  try {
    const body: unknown = await response.json();
    if (body && typeof body === 'object') {
      const fields = body as Record<string, unknown>;
      const found = fields.detail ?? fields.error ?? fields.title;
      if (typeof found === 'string') sentence = found;
    }
  } catch {
    // A proxy's page or nothing at all: the status speaks.
  }
  const seconds = Number(response.headers.get('Retry-After') ?? Number.NaN);
  return new Problem(
    response.status,
    sentence || `${response.status} ${response.statusText}`.trim(),
    Number.isFinite(seconds) ? seconds * 1000 : null,
    sentence !== '',
  );
}
