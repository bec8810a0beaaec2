// Written against a service made with axios: nothing here knows what is behind it.
import { type FormEvent, useCallback, useEffect, useState } from 'react';
import { liveChatAPI } from './liveChatAPI';

type Message = Awaited<ReturnType<typeof liveChatAPI.getMessages>>[number];
type Refusal = { response?: { status: number; data: { error: string } } };

const PAGE_SIZE = 2;

export function LiveChat({ postId }: { postId: number }) {
  const [messages, setMessages] = useState<Message[]>([]);
  const [page, setPage] = useState(1);
  const [hasNext, setHasNext] = useState(false);
  const [content, setContent] = useState('');
  const [error, setError] = useState<string | null>(null);
  const [loading, setLoading] = useState(true);

  const load = useCallback(async () => {
    setLoading(true);
    try {
      const data = await liveChatAPI.getMessagesPaginated(postId, page, PAGE_SIZE);
      setMessages(data.results);
      setHasNext(data.next !== null);
      setError(null);
    } catch (err) {
      setError((err as Refusal).response?.data.error ?? 'Erreur de connexion');
    } finally {
      setLoading(false);
    }
  }, [postId, page]);

  useEffect(() => {
    load();
  }, [load]);

  const send = async (event: FormEvent) => {
    event.preventDefault();
    try {
      await liveChatAPI.sendMessage(postId, { content });
      setContent('');
      await load();
    } catch (err) {
      const { response } = err as Refusal;
      setError(response ? `${response.status} : ${response.data.error}` : 'Erreur de connexion');
    }
  };

  return (
    <section>
      {loading && <p>Chargement…</p>}
      {error && <p role="alert">{error}</p>}
      <ul>
        {messages.map((message) => (
          <li key={message.id}>
            <strong>{message.author.first_name}</strong> {message.content}
          </li>
        ))}
      </ul>
      <button type="button" disabled={page === 1} onClick={() => setPage(page - 1)}>
        Précédents
      </button>
      <button type="button" disabled={!hasNext} onClick={() => setPage(page + 1)}>
        Suivants
      </button>
      <form onSubmit={send}>
        <input value={content} onChange={(event) => setContent(event.target.value)} placeholder="Votre message" />
        <button type="submit">Envoyer</button>
      </form>
    </section>
  );
}
