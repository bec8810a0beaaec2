// `/embed/7`, `/embed/7?chat=1`, `&key=` of an unlisted live, `&lang=en`: one live, for an `<iframe>`.
import './communiconnect-live.js';

const asked = new URLSearchParams(location.search);
const id = /(\d+)\/?$/.exec(location.pathname)?.[1] ?? '';
document.documentElement.lang = asked.get('lang') ?? (navigator.language.startsWith('en') ? 'en' : 'fr');

function show(name, more) {
  const element = document.createElement(name);
  const key = asked.get('key');
  for (const [attribute, value] of Object.entries({
    'live-id': id,
    ...(key && { 'live-key': key }),
    ...more,
  }))
    element.setAttribute(attribute, value);
  document.body.append(element);
}

show('communiconnect-live', { id: 'player' });
if (asked.has('chat')) show('communiconnect-chat', { for: 'player' });
