import { createRoot } from 'react-dom/client';
import { LiveChat } from './LiveChat';

createRoot(document.getElementById('root') as HTMLElement).render(<LiveChat postId={7} />);
