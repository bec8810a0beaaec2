// The lines name this server, as the visitor reached it.
const base = new URL('/', location.href).href.replace(/\/$/, '');
for (const code of document.querySelectorAll('pre code'))
  code.textContent = code.textContent.replaceAll('https://live.example', base);
