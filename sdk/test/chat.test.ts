import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isEmoji } from '../src/chat/chat.js';
import { ChatLog } from '../src/chat/log.js';
import { Outbox } from '../src/chat/outbox.js';
import { Sender, wire } from '../src/chat/sender.js';
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
    on_replay: false,
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

describe('what is on its way', () => {
  const text = { content: 'Bonjour', kind: 'text', reply_to: null, position: null } as const;
  const kept = { ...message(1), content: 'Bonjour' };

  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** Sends what is due and answers with its numbers. */
  function flush(sender: Sender): string[] {
    const sent: string[] = [];
    sender.flush((frame) => {
      if (frame.type === 'send') sent.push(frame.client_id ?? '');
      return true;
    });
    return sent;
  }

  it('goes out together, and one by one after somebody wrote too fast, when the time has come', () => {
    const sender = new Sender(new FakeStorage(), 7, 1);
    const ids = [0, 1, 2].map(() => sender.add(text)?.client_id ?? '');
    expect(flush(sender)).toEqual(ids);
    sender.confirmed(ids[0] ?? '', kept);
    sender.refused(ids[1] ?? '', 429, 'Trop vite.', 5_000);
    sender.refused(ids[2] ?? '', 429, 'Trop vite.', 5_000);
    expect(sender.entries.map((entry) => entry.state)).toEqual(['waiting', 'waiting']);
    vi.advanceTimersByTime(4_900);
    expect(flush(sender)).toEqual([]);
    vi.advanceTimersByTime(200);
    expect(flush(sender)).toEqual([ids[1]]);
    expect(flush(sender)).toEqual([]);
    sender.confirmed(ids[1] ?? '', kept);
    expect(flush(sender)).toEqual([ids[2]]);
  });

  it('stays with the reason when it is refused for good', () => {
    const sender = new Sender(new FakeStorage(), 7, 1);
    const id = sender.add(text)?.client_id ?? '';
    flush(sender);
    sender.refused(id, 403, 'Vous ne pouvez plus écrire.', null);
    expect(sender.entries).toMatchObject([{ state: 'refused', error: 'Vous ne pouvez plus écrire.' }]);
    expect(flush(sender)).toEqual([]);
  });

  it('waits for a moderator until it comes in the conversation, or is told to be declined after a reload', () => {
    const storage = new FakeStorage();
    const sender = new Sender(storage, 7, 1);
    const [published, declined] = [0, 1].map(
      (_, index) => sender.add({ ...text, content: `Texte ${index}` })?.client_id ?? '',
    );
    flush(sender);
    for (const id of [published, declined])
      expect(sender.confirmed(id ?? '', { ...kept, seq: null, held: true })).toBe(false);
    sender.lost();
    expect(flush(sender)).toEqual([]);
    sender.recognise({ ...kept, content: 'Texte 0' });
    expect(sender.entries).toMatchObject([{ state: 'held', content: 'Texte 1' }]);
    const later = new Sender(storage, 7, 1);
    expect(flush(later)).toEqual([declined]);
    later.confirmed(declined ?? '', { ...kept, seq: null });
    expect(later.entries).toMatchObject([{ state: 'declined' }]);
  });

  it('says over the wire only what there is to say', () => {
    expect(wire(text)).toEqual({ content: 'Bonjour' });
    const full = { ...text, reply_to: 3, position: { take: 1, ms: 5 }, mentions: [4] };
    expect(wire(full)).toEqual({
      content: 'Bonjour',
      reply_to: 3,
      position: { take: 1, ms: 5 },
      mentions: [4],
    });
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

  it('stands beside the picture alike whether its lines came at once or one after the other', () => {
    const lines = [
      message(1, 1_000),
      message(2, 4_000),
      message(3, 3_000),
      message(4, 40_000),
      message(5, 2_000),
      message(6, 41_000),
    ];
    const whole = new ChatLog();
    whole.place(lines, 0, 60_000);
    const apart = new ChatLog();
    apart.place([], 0, 60_000);
    for (const line of lines) {
      apart.append([line]);
      apart.until(60_000);
    }
    for (const ms of [0, 2_500, 4_000, 60_000])
      expect(apart.until(ms).map((held) => held.seq)).toEqual(whole.until(ms).map((held) => held.seq));
  });

  it('gives the same list while nothing is new beside the picture', () => {
    const log = new ChatLog();
    log.place([message(1, 1_000), message(2, 9_000)], 0, 10_000);
    const before = log.until(2_000);
    expect(log.until(2_250)).toBe(before);
    log.delete([1]);
    expect(log.until(2_250)[0]).toMatchObject({ seq: 1, deleted: true });
  });

  it('does not bring back what was deleted when a page of before arrives late', () => {
    const log = new ChatLog();
    log.append([message(1), message(2)]);
    log.delete([2]);
    log.insert([message(2)]);
    expect(log.newest().map((held) => held.deleted)).toEqual([false, true]);
  });

  it('knows the number of a message that is not here by its id, and who wrote last', () => {
    const log = new ChatLog();
    expect(log.seqOf(150)).toBe(null);
    const other = { ...message(12), author: { ...message(12).author, id: 2 } };
    log.append([message(11), other, message(13)]);
    expect(log.seqOf(105)).toBe(5);
    expect([...log.authors()].map((author) => author.id)).toEqual([1, 2]);
  });
});

it('takes one to three emoji for an emoji, and words for words', () => {
  expect(isEmoji('👏🏾')).toBe(true);
  expect(isEmoji('❤️ 🔥')).toBe(true);
  expect(isEmoji('👨‍👩‍👧')).toBe(true);
  expect(isEmoji('bravo 👏')).toBe(false);
  expect(isEmoji('12')).toBe(false);
});
