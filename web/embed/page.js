// The lines name this server, as the visitor reached it: above the folder of this script.
const base = new URL('..', import.meta.url).href.replace(/\/$/, '');
for (const code of document.querySelectorAll('pre code'))
  code.textContent = code.textContent.replaceAll('https://live.example', base);
