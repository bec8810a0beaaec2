// The package as others get it: packed, installed in an empty project, type-checked, imported and bundled there.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Rolldown } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
/** Most that an app carries which imports `liveChatAPI` alone, in bytes gzipped. */
const SERVICE_MOST = 15_000;
const ENTRIES = ['', '/live-chat-api', '/elements', '/react', '/vue'];

let project: string;

beforeAll(() => {
  project = mkdtempSync(path.join(tmpdir(), 'communiconnect-package-'));
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', project], {
      cwd: path.join(root, 'sdk'),
      encoding: 'utf8',
    }),
  ) as [{ filename: string; files: { path: string }[] }];
  expect(packed.files.map((file) => file.path)).toEqual(
    expect.arrayContaining(['README.md', 'package.json', 'dist/index.js', 'dist/index.d.ts']),
  );
  writeFileSync(path.join(project, 'package.json'), '{ "private": true, "type": "module" }');
  execFileSync('npm', ['install', '--offline', '--no-audit', '--no-fund', `./${packed.filename}`], {
    cwd: project,
  });
}, 120_000);
afterAll(() => rmSync(project, { recursive: true, force: true }));

/** What a bundler makes of one module of the project, in one file, minified. */
async function bundled(source: string): Promise<string> {
  const entry = path.join(project, 'entry.js');
  writeFileSync(entry, source);
  const [{ output }] = (await build({
    root: project,
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      target: 'es2022',
      lib: { entry, formats: ['es'] },
      rolldownOptions: { output: { codeSplitting: false } },
    },
  })) as [Rolldown.RolldownOutput];
  return output[0].code;
}

describe('the packed package', () => {
  it('is imported without a window, by every entry', () => {
    const program = ENTRIES.map((entry) => `await import('@communiconnect/live${entry}');`).join('\n');
    execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: project });
  });

  it('carries no player into an app that imports the conversation alone, nor a recorder into one that plays', async () => {
    const chat = await bundled(`import { Chat } from '@communiconnect/live'; console.log(Chat);`);
    expect(chat).toContain('/chat/ws/');
    expect(chat).not.toMatch(/MediaSource|MediaRecorder|indexedDB|customElements/);
    const player = await bundled(`import { Player } from '@communiconnect/live'; console.log(Player);`);
    expect(player).toContain('MediaSource');
    expect(player).not.toMatch(/MediaRecorder|indexedDB|\/chat\/ws\//);
    const nothing = await bundled(`import '@communiconnect/live';`);
    expect(nothing.length).toBeLessThan(200);
    expect(gzipSync(chat).length).toBeLessThan(gzipSync(await bundled(WHOLE)).length / 2);
  }, 60_000);

  it('costs an app that imports the service alone at most 15 kB, by either entry', async () => {
    for (const entry of ['', '/live-chat-api']) {
      const code = await bundled(
        `import { liveChatAPI } from '@communiconnect/live${entry}'; console.log(liveChatAPI);`,
      );
      expect(gzipSync(code).length).toBeLessThan(SERVICE_MOST);
      expect(code).not.toMatch(/MediaSource|WebSocket|indexedDB/);
    }
  }, 60_000);
});

const WHOLE = `export * from '@communiconnect/live';`;

describe('an empty project that installs it', () => {
  /** Type-checks some modules there, strictly and the library's own types too. */
  function check(resolution: 'bundler' | 'nodenext', sources: Record<string, string>): void {
    const folder = path.join(project, resolution);
    mkdirSync(folder, { recursive: true });
    for (const [name, source] of Object.entries(sources)) writeFileSync(path.join(folder, name), source);
    const options = {
      strict: true,
      noEmit: true,
      target: 'es2022',
      lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable'],
      types: [],
      jsx: 'preserve',
      module: resolution === 'nodenext' ? 'nodenext' : 'esnext',
      moduleResolution: resolution,
    };
    writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options }));
    try {
      execFileSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
    } catch (error) {
      throw new Error((error as { stdout: string }).stdout);
    }
  }

  const USE = `
    import { Chat, LiveClient, liveChatAPI, type Message, Player, Problem, Publisher } from '@communiconnect/live';
    import '@communiconnect/live/elements';
    const client = new LiveClient({ base: 'https://live.example', token: async () => null });
    export const saved: Promise<number> = client
      .request('get', '/api/posts/live/{id}/', { path: { id: 7 } })
      .then((live) => live.saved_ms);
    export const player = new Player(document.createElement('video'), { api: client, liveId: 7 });
    export const chat = new Chat({ api: client, liveId: 7 });
    export const publisher = new Publisher(client);
    export const sent: Promise<Message> = liveChatAPI.sendMessage(7, { content: 'Bonjour' });
    export const isRefusal = (error: unknown): number | null => (error instanceof Problem ? error.status : null);
    // @ts-expect-error an operation that there is not
    client.request('put', '/api/posts/live/{id}/', { path: { id: 7 } });
    // @ts-expect-error a live has a number
    client.request('get', '/api/posts/live/{id}/', {});
    const element = document.createElement('communiconnect-live');
    element.token = () => Promise.resolve('a token');
    element.addEventListener('position', (event) => event.detail.ms.toFixed());
    document.createElement('communiconnect-chat').addEventListener('message', ({ detail }) => detail.content);
    document.createElement('communiconnect-studio').addEventListener('token-needed', ({ detail }) => detail.respond('x'));
  `;

  it('type-checks strictly as bundlers resolve it: a program, the JSX of React, and what the README shows', () => {
    const links = ['react', 'csstype', '@types/react', '@types/react-dom'].map((name) => [
      path.join(root, 'node_modules', name),
      path.join(project, 'node_modules', name),
    ]) as [string, string][];
    for (const [from, to] of links) {
      mkdirSync(path.dirname(to), { recursive: true });
      symlinkSync(from, to);
    }
    const jsx = `
      import '@communiconnect/live/react';
      export const watch = (
        <communiconnect-live live-id={7} src-base="https://live.example" token={async () => 'x'}
          onposition={(event) => event.detail.ms.toFixed()} onlive-ended={({ detail }) => detail.liveId} />
      );
      export const talk = <communiconnect-chat live-id="7" for="player" onmessage={({ detail }) => detail.content} />;
      export const studio = <communiconnect-studio visibility="unlisted" />;
      // @ts-expect-error without a live there is nothing to show
      export const none = <communiconnect-live />;
    `;
    const readme = readFileSync(path.join(root, 'sdk/README.md'), 'utf8');
    const shown = [...readme.matchAll(/^```ts.*\n([\s\S]*?)^```$/gm)].map(
      ([, code]) => `${code}\nexport {};\n`,
    );
    expect(shown.length).toBeGreaterThan(2);
    const blocks = Object.fromEntries(shown.map((code, index) => [`readme-${index}.ts`, code]));
    check('bundler', { 'use.ts': USE, 'jsx.tsx': jsx, ...blocks });
  }, 240_000);

  it('type-checks strictly as Node resolves it', () => {
    check('nodenext', { 'use.ts': USE });
  }, 240_000);
});
