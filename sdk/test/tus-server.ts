/** What goes wrong with one request: an answer instead, a cut before or after it arrived, or a cut in its midst. */
export type Fault = Response | 'cut-before' | 'cut-after' | { keep: number } | null;

/** A small tus server in memory, whose next answers can be made to fail. */
export class TusServer {
  readonly uploads = new Map<string, { bytes: number[]; length: number | null }>();
  readonly log: string[] = [];
  readonly metadata: string[] = [];
  /** Shifted before each request: what goes wrong with it. */
  readonly faults: ((method: string) => Response | 'cut-before' | 'cut-after' | { keep: number } | null)[] =
    [];
  good: string[] = ['key'];

  readonly fetch = async (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    const url = String(input);
    const method = init.method ?? 'GET';
    const headers = new Headers(init.headers);
    this.log.push(method);
    const token = headers.get('Authorization')?.replace('Bearer ', '') ?? '';
    if (!this.good.includes(token)) return refusal(401, 'Qui êtes-vous ?');
    const fault = this.faults.shift()?.(method) ?? null;
    if (fault === 'cut-before') throw new TypeError('network');
    if (fault instanceof Response) return fault;
    const body = init.body ? [...(init.body as Uint8Array)] : [];
    const keep = fault && typeof fault === 'object' && 'keep' in fault ? fault.keep : body.length;
    const answer = this.#answer(method, url, headers, body.slice(0, keep));
    if (fault) throw new TypeError('network');
    return answer;
  };

  #answer(method: string, url: string, headers: Headers, body: number[]): Response {
    if (method === 'POST') {
      const id = `${url}${this.uploads.size + 1}`;
      this.uploads.set(id, { bytes: [], length: null });
      this.metadata.push(headers.get('Upload-Metadata') ?? '');
      return new Response(null, { status: 201, headers: { Location: id } });
    }
    const upload = this.uploads.get(url);
    if (!upload) return refusal(404, 'Pas ici.');
    if (method === 'PATCH') {
      if (Number(headers.get('Upload-Offset')) !== upload.bytes.length) return refusal(409, 'Autre place.');
      upload.bytes.push(...body);
      const length = headers.get('Upload-Length');
      if (length !== null) upload.length = Number(length);
    }
    const answer: Record<string, string> = { 'Upload-Offset': String(upload.bytes.length) };
    if (upload.length !== null) answer['Upload-Length'] = String(upload.length);
    return new Response(null, { status: method === 'PATCH' ? 204 : 200, headers: answer });
  }
}

export function refusal(status: number, detail: string, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify({ detail }), { status, headers });
}
