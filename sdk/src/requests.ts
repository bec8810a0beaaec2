import type { paths } from './types.js';

/** The verbs of the API, as its schema writes them. */
export type Verb = 'get' | 'put' | 'post' | 'patch' | 'delete';

/** The verbs that a path of the schema has. */
export type VerbOf<P extends keyof paths> = {
  [V in Verb]: paths[P][V] extends { responses: unknown } ? V : never;
}[Verb];

type Operation<P extends keyof paths, V extends Verb> = paths[P][V];

type PathOf<O> = O extends { parameters: { path: infer T } } ? { path: T } : { path?: never };

type QueryOf<O> = O extends { parameters: { query?: infer T } } ? { query?: Exclude<T, undefined> } : never;

type BodyOf<O> = O extends { requestBody: { content: infer C } }
  ? { body: C[keyof C] }
  : O extends { requestBody?: { content: infer C } }
    ? { body?: C[keyof C] }
    : { body?: never };

type Good<R> = { [S in keyof R]: S extends 200 | 201 | 202 ? R[S] : never }[keyof R];

/** What an operation is asked with: the variables of its path, its query, its body. */
export type RequestOf<P extends keyof paths, V extends Verb> = PathOf<Operation<P, V>> &
  QueryOf<Operation<P, V>> &
  BodyOf<Operation<P, V>> & { signal?: AbortSignal };

/** What an operation answers when it does what it was asked; undefined where that is nothing. */
export type AnswerOf<P extends keyof paths, V extends Verb> =
  Operation<P, V> extends { responses: infer R }
    ? [Good<R>] extends [never]
      ? undefined
      : Good<R> extends { content: { 'application/json': infer T } }
        ? T
        : undefined
    : never;
