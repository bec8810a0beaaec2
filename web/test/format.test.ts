import { expect, it } from 'vitest';
import { size, span } from '../src/amounts.js';
import { clock, megabytes, momentOf, segments } from '../src/format.js';
import { matching, mentionAt } from '../src/mentions.js';

it('writes lengths as people read them', () => {
  expect(clock(0)).toBe('0:00');
  expect(clock(761_900)).toBe('12:41');
  expect(clock(3_725_000)).toBe('1:02:05');
  expect(span(38_400)).toBe('38 s');
  expect(span(312_000)).toBe('5 min 12 s');
  expect(span(7_260_000)).toBe('2 h 1 min');
  expect(size(1_240_000, 'en')).toBe('1.2\u00a0MB');
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

const awa = { id: 1, first_name: 'Awa', last_name: 'Ndiaye' };
const awaSow = { id: 2, first_name: 'Awa', last_name: 'Ndiaye Sow' };
const eloise = { id: 3, first_name: 'Éloïse', last_name: 'Sarr' };

it('finds the names that a message mentions, the longer of two first, and no others', () => {
  const found = segments('@Awa Ndiaye Sow et @Awa Ndiaye, pas @Éloïse Sarr ni a@b.sn', [awa, awaSow]);
  expect(found.filter((segment) => segment.person).map((segment) => [segment.text, segment.person])).toEqual([
    ['@Awa Ndiaye Sow', 2],
    ['@Awa Ndiaye', 1],
  ]);
  expect(found.map((segment) => segment.text).join('')).toBe(
    '@Awa Ndiaye Sow et @Awa Ndiaye, pas @Éloïse Sarr ni a@b.sn',
  );
});

it('sees a name being written behind an @, and not an address', () => {
  expect(mentionAt('Merci @elo', 10)).toEqual({ from: 6, query: 'elo' });
  expect(mentionAt('@', 1)).toEqual({ from: 0, query: '' });
  expect(mentionAt('(@Awa Ndi', 9)).toEqual({ from: 1, query: 'Awa Ndi' });
  expect(mentionAt('awa@exemple', 11)).toBe(null);
  expect(mentionAt('Merci @elo et', 5)).toBe(null);
});

it('offers names by the beginning of any of their words, whatever the accents', () => {
  expect(matching([awa, eloise], 'elo', 6)).toEqual([eloise]);
  expect(matching([awa, eloise], 'ÉLO', 6)).toEqual([eloise]);
  expect(matching([awa, awaSow, eloise], 'n', 6)).toEqual([awa, awaSow]);
  expect(matching([awa, awaSow, eloise], '', 2)).toEqual([awa, awaSow]);
  expect(matching([awa, eloise], 'loise', 6)).toEqual([]);
});

it('reads the moments that an address names', () => {
  expect(momentOf('754')).toBe(754_000);
  expect(momentOf('12m34s')).toBe(754_000);
  expect(momentOf('1h2m')).toBe(3_720_000);
  expect(momentOf('2.5')).toBe(2_500);
  for (const nothing of [null, '', 'x', '-3', '12:34', '5x']) expect(momentOf(nothing)).toBeNull();
});

it('writes what is asked of a data plan, and nothing of it as nothing', () => {
  expect(megabytes(42_300_000, 'en')).toBe('42 MB');
  expect(megabytes(6_240_000, 'en')).toBe('6.2 MB');
  expect(megabytes(900, 'en')).toBe('0.1 MB');
});
