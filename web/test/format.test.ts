import { expect, it } from 'vitest';
import { clock, segments, size, span } from '../src/format.js';

it('writes lengths as people read them', () => {
  expect(clock(0)).toBe('0:00');
  expect(clock(761_900)).toBe('12:41');
  expect(clock(3_725_000)).toBe('1:02:05');
  expect(span(38_400)).toBe('38 s');
  expect(span(312_000)).toBe('5 min 12 s');
  expect(span(7_260_000)).toBe('2 h 1 min');
  expect(size(1_240_000, 'en')).toBe('1.2 MB');
});

it('makes links of http and https only, and leaves everything else text', () => {
  expect(segments('voir https://exemple.org/a?b=1, merci')).toEqual([
    { text: 'voir ', href: null },
    { text: 'https://exemple.org/a?b=1', href: 'https://exemple.org/a?b=1' },
    { text: ', merci', href: null },
  ]);
  for (const text of [
    'javascript:alert(1)',
    '<img src=x onerror=alert(1)>',
    'data:text/html,x',
    'http://',
    'www.exemple.org',
  ]) {
    expect(segments(text)).toEqual([{ text, href: null }]);
  }
});

it('gives back every character of what was written', () => {
  for (const text of [
    'a https://x.org b http://y.org/',
    'https://x.org)',
    '',
    'https://x.org https://y.org.',
  ]) {
    expect(
      segments(text)
        .map((segment) => segment.text)
        .join(''),
    ).toBe(text);
  }
});
