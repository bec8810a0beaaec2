import type { LiveClient } from '../client.js';
import type { ChatRules, HeldMessage, Message, ModerationAct, Person, Sanction } from '../types.js';

/** What may be changed of how a conversation is led; what is left out stays. */
export type RulesChange = Partial<Omit<ChatRules, 'pinned'>> & { pinned?: number | null };

/** What the author of a live and its moderators may do in its conversation. Anybody else gets a `Problem`. */
export class Leading {
  readonly #api: LiveClient;
  readonly #liveId: number;
  readonly #key: string | null;

  constructor(api: LiveClient, liveId: number, key: string | null) {
    this.#api = api;
    this.#liveId = liveId;
    this.#key = key;
  }

  /** The rules, with the unwanted words. */
  rules(): Promise<ChatRules> {
    return this.#call('GET', 'rules/');
  }

  change(change: RulesChange): Promise<ChatRules> {
    return this.#call('PATCH', 'rules/', change);
  }

  /** Ids of the moderators whom the live's author named. */
  moderators(): Promise<number[]> {
    return this.#call('GET', 'moderators/');
  }

  setModerator(personId: number, named: boolean): Promise<void> {
    return this.#call(named ? 'PUT' : 'DELETE', `moderators/${personId}/`);
  }

  /** Who may not write now. */
  sanctions(): Promise<Sanction[]> {
    return this.#call('GET', 'sanctions/');
  }

  /** Keeps somebody from writing for `seconds`, or for good without; their messages go too if asked. */
  sanction(personId: number, options: { seconds?: number; delete_messages?: boolean } = {}): Promise<void> {
    return this.#call('PUT', `sanctions/${personId}/`, options);
  }

  lift(personId: number): Promise<void> {
    return this.#call('DELETE', `sanctions/${personId}/`);
  }

  /** Messages that wait for approval, oldest first. */
  held(): Promise<HeldMessage[]> {
    return this.#call('GET', 'held/');
  }

  decide(heldId: number, approved: boolean): Promise<Message | null> {
    return this.#call(approved ? 'POST' : 'DELETE', `held/${heldId}/`);
  }

  /** What was done, newest first, before the act with the id `before`. */
  acts(before?: number): Promise<ModerationAct[]> {
    return this.#call('GET', 'acts/', undefined, { before });
  }

  /** Who these people are. */
  async people(ids: number[]): Promise<Map<number, Person>> {
    if (ids.length === 0) return new Map();
    const people = await this.#call<Person[]>('GET', 'people/', undefined, { ids: ids.join() });
    return new Map(people.map((person) => [person.id, person]));
  }

  #call<T>(method: string, path: string, body?: unknown, query: Record<string, unknown> = {}): Promise<T> {
    return this.#api.call<T>(method, `/api/posts/live/${this.#liveId}/chat/${path}`, {
      query: { key: this.#key, ...(query as Record<string, string | number | undefined>) },
      ...(body !== undefined && { body }),
    });
  }
}
