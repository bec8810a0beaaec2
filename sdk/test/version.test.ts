import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { API_VERSION } from '../src/version.js';

it('names the version of the API whose schema its types are made of', () => {
  const schema = JSON.parse(readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8'));
  expect(API_VERSION).toBe(schema.info.version);
});
