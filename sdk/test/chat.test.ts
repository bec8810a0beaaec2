import { describe, expect, it } from 'vitest';
import { isEmoji } from '../src/chat/chat.js';
import { ChatLog } from '../src/chat/log.js';
import { Outbox } from '../src/chat/outbox.js';
import type { Message } from '../src/types.js';

function message(seq: number, at = seq * 1000, content = `message ${seq}`): Message {
  return {
    id: 100 + seq,
    seq,
    content,
    timestamp: '2026-01-01T00:00:00.000Z',
    type: 'text',
    reply_to: null,
    position: { take: 1, ms: at },
    position_ms: at,
    author: { id: 1, first_name: 'Aïcha', last_name: 'Diallo', profile_picture: null },
    deleted: false,
  };
}

class FakeStorage {
  readonly held = new Map<string, string>();
  getItem = (key: string): string | null => this.held.get(key) ?? null;
  setItem = (key: string, value: string): void => void this.held.set(key, value);
  removeItem = (key: string): void => void this.held.delete(key);
}

describe('the outbox', () => {
  const text = { content: 'Bonjour', kind: 'text', reply_to: null, position: { take: 1, ms: 5 } } as const;

  it('keeps what is unsent over a reload, with its number and its position', () => {
    const storage = new FakeStorage();
    const entry = new Outbox(storage, 7, 1).add(text);
    const again = new Outbox(storage, 7, 1);
    expect(again.unsent).toMatchObject([{ client_id: entry?.client_id, position: { take: 1, ms: 5 } }]);
  });

  it('sends again after a reload what had gone out without an answer', () => {
    const storage = new FakeStorage();
    const box = new Outbox(storage, 7, 1);
    const entry = box.add(text);
    box.markSent(entry?.client_id ?? '');
    expect(box.unsent).toEqual([]);
    expect(new Outbox(storage, 7, 1).unsent).toHaveLength(1);
  });

  it('keeps people and lives apart', () => {
    const storage = new FakeStorage();
    new Outbox(storage, 7, 1).add(text);
    expect(new Outbox(storage, 7, 2).entries).toEqual([]);
    expect(new Outbox(storage, 8, 1).entries).toEqual([]);
  });

  it('leaves nothing in storage once everything is confirmed', () => {
    const storage = new FakeStorage();
    const box = new Outbox(storage, 7, 1);
    const entry = box.add(text);
    box.remove(entry?.client_id ?? '');
    expect(storage.held.size).toBe(0);
  });

  it('does not send a refused message again by itself', () => {
    const box = new Outbox(new FakeStorage(), 7, 1);
    const entry = box.add(text);
    box.refuse(entry?.client_id ?? '', 'Trop long.');
    box.markAllWaiting();
    expect(box.unsent).toEqual([]);
    box.markWaiting(entry?.client_id ?? '');
    expect(box.unsent).toHaveLength(1);
  });

  it('hides a message that came back before its confirmation', () => {
    const box = new Outbox(new FakeStorage(), 7, 1);
    const entry = box.add(text);
    box.markSent(entry?.client_id ?? '');
    box.recognise(message(1, 0, 'Bonjour'));
    expect(box.entries[0]?.state).toBe('seen');
  });
});

describe('the log', () => {
  it('orders by number whatever order they come in, and shows none twice', () => {
    const log = new ChatLog();
    log.append([message(4), message(5)]);
    log.append([message(5), message(6)]);
    log.prepend([message(2), message(3)]);
    expect(log.newest().map((held) => held.seq)).toEqual([2, 3, 4, 5, 6]);
    expect(log.high).toBe(6);
    expect(log.low).toBe(2);
  });

  it('shows beside the picture what was said up to there', () => {
    const log = new ChatLog();
    log.place([message(1, 1000), message(2, 9000), message(3, 4000)], 0, 10_000);
    expect(log.until(5000).map((held) => held.seq)).toEqual([1, 3]);
    expect(log.until(500)).toEqual([]);
  });

  it('keeps an answer behind its question although the two looked at moments apart', () => {
    const log = new ChatLog();
    log.place([message(1, 10_000), message(2, 13_000), message(3, 11_500)], 0, 60_000);
    expect(log.until(20_000).map((held) => held.seq)).toEqual([1, 2, 3]);
  });

  it('puts what was written later about an earlier moment beside that moment', () => {
    const log = new ChatLog();
    log.place([message(1, 10_000), message(2, 50_000), message(3, 12_000)], 0, 60_000);
    expect(log.until(60_000).map((held) => held.seq)).toEqual([1, 3, 2]);
  });

  it('joins stretches that touch and forgets one that does not', () => {
    const log = new ChatLog();
    log.place([message(1, 1000)], 0, 10_000);
    log.place([message(2, 15_000)], 10_000, 20_000);
    expect(log.stretch).toEqual({ from: 0, to: 20_000 });
    log.place([message(9, 90_000)], 80_000, 100_000);
    expect(log.stretch).toEqual({ from: 80_000, to: 100_000 });
    expect(log.until(95_000).map((held) => held.seq)).toEqual([9]);
  });

  it('blanks a deleted message and keeps its place', () => {
    const log = new ChatLog();
    log.append([message(1), message(2)]);
    log.delete([1]);
    expect(log.newest()[0]).toMatchObject({ seq: 1, deleted: true, content: '' });
  });

  it('does not count reactions as messages', () => {
    const log = new ChatLog();
    log.append([{ ...message(1), seq: null, type: 'reaction' }]);
    expect(log.newest()).toEqual([]);
  });
});

it('takes one to three emoji for an emoji, and words for words', () => {
  expect(isEmoji('👏🏾')).toBe(true);
  expect(isEmoji('❤️ 🔥')).toBe(true);
  expect(isEmoji('👨‍👩‍👧')).toBe(true);
  expect(isEmoji('bravo 👏')).toBe(false);
  expect(isEmoji('12')).toBe(false);
});
