/** What every address of this site begins with, without a final slash: the server may stand under a path of another one. */
export const top = new URL('..', import.meta.url).pathname.slice(0, -1);
