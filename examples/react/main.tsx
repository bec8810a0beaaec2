import '@communiconnect/live/elements';
import '@communiconnect/live/react';
import { useState } from 'react';
import { createRoot } from 'react-dom/client';

const SERVER = 'https://live.example';
const token = async (): Promise<string> => (await fetch('/token')).text();

function App({ liveId }: { liveId: number }) {
  const [ms, setMs] = useState(0);
  const [count, setCount] = useState(0);
  const [over, setOver] = useState(false);
  return (
    <main>
      <h1>{over ? 'Le live est terminé' : 'En direct'}</h1>
      <communiconnect-live
        id="player"
        live-id={liveId}
        src-base={SERVER}
        token={token}
        onposition={(event) => setMs(event.detail.ms)}
        onlive-ended={() => setOver(true)}
      />
      <communiconnect-chat
        live-id={liveId}
        src-base={SERVER}
        token={token}
        for="player"
        onmessage={() => setCount((before) => before + 1)}
      />
      <p>
        À <output id="position">{Math.floor(ms / 1000)}</output> s, <output id="count">{count}</output> nouveaux messages
      </p>
    </main>
  );
}

createRoot(document.getElementById('root') as HTMLElement).render(<App liveId={7} />);
