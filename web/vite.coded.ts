import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

/** Files below this size gain nothing, in bytes. */
const WORTHWHILE = 1_024;
const TEXT = /\.(js|css|html|svg|webmanifest|json)$/;

/**
 * Leaves each file of text in brotli and gzip beside the plain one, as small as they get: the server sends them as they are.
 * The ends of their names are those of `crates/server/src/http/pages.rs`.
 */
export function coded(folder: string): Plugin {
  return {
    name: 'coded',
    // After what writes the files.
    enforce: 'post',
    closeBundle() {
      for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
        if (!TEXT.test(name)) continue;
        const file = `${folder}/${name}`;
        const text = readFileSync(file);
        if (text.length < WORTHWHILE) continue;
        writeFileSync(`${file}.gz`, gzipSync(text, { level: 9 }));
        const params = {
          [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
          [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
          [constants.BROTLI_PARAM_SIZE_HINT]: text.length,
        };
        writeFileSync(`${file}.br`, brotliCompressSync(text, { params }));
      }
    },
  };
}
