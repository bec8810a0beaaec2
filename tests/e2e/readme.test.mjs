// What the package's README shows does what it says, against the real server: programs in Node, pages in Chromium.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import ts from 'typescript';
import { build } from 'vite';
import { App } from './app.mjs';
import { Somebody } from './talk.mjs';
import { World } from './world.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const readme = readFileSync(path.join(root, 'sdk/README.md'), 'utf8');

describe('the README of the package', { concurrency: false }, () => {
  let world;
  let app;
  let awa;
  let live;
  let folder;

  before(async () => {
    app = await App.open();
    world = await World.open(['--cors-origins', app.origin]);
    awa = await Somebody.join(world, 'Awa');
    live = await awa.goLive({ title: 'Sur la plage' });
    await awa.say(live, 'Bonjour à tous');
    // Inside the repository: the package is found from there.
    folder = mkdtempSync(path.join(root, 'node_modules', '.readme-'));
  });
  after(async () => {
    rmSync(folder, { recursive: true, force: true });
    await app?.close();
    await world?.close();
  });

  /** A block by its language and name, with this server, this live and this person in it. */
  function block(fence) {
    const [, code] = new RegExp(`^\`\`\`${fence}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(readme);
    return code
      .replaceAll('https://live.example', world.base)
      .replaceAll('the access token', awa.session.tokens.access)
      .replace(/(liveId: |live-id="|\()7\b/g, `$1${live.id}`);
  }

  function program(name) {
    const file = path.join(folder, `${name}.mjs`);
    const { outputText } = ts.transpileModule(block(`ts ${name}`), {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
    });
    writeFileSync(file, outputText);
    return file;
  }

  async function ran(name) {
    const { stdout } = await promisify(execFile)(process.execPath, [program(name)], { timeout: 20_000 });
    return stdout;
  }

  /** A page of the app with a program of the README in it; what it writes into the console goes to `page.said`. */
  async function shown(name) {
    const [{ output }] = await build({
      root: folder,
      configFile: false,
      logLevel: 'error',
      build: {
        write: false,
        target: 'es2022',
        lib: { entry: program(name), formats: ['es'] },
        rolldownOptions: { output: { codeSplitting: false } },
      },
    });
    app.pages.set('/program.js', output[0].code);
    app.page('<video></video><script type="module" src="/program.js"></script>');
    return opened();
  }

  async function opened() {
    const context = await world.browser.newContext({ permissions: ['camera', 'microphone'] });
    const page = await context.newPage();
    page.said = [];
    page.on('console', (message) => page.said.push(message.text()));
    page.on('pageerror', (error) => page.said.push(`${error}`));
    await page.goto(app.origin);
    return page;
  }

  async function says(page, what, timeout = 20_000) {
    const begun = Date.now();
    while (!page.said.some((line) => what.test(line))) {
      assert.ok(Date.now() - begun < timeout, `${what} is not in:\n${page.said.join('\n')}`);
      await page.waitForTimeout(50);
    }
  }

  test('asks for lives, and says what is refused', async () => {
    const said = await ran('client');
    assert.match(said, /^Sur la plage \d+$/m);
    assert.match(said, /^404 \S+/m);
  });

  test('is the service of a front end', async () => {
    const said = await ran('service');
    assert.match(said, /^1 1$/m);
    const messages = await awa.ask('GET', live.chat);
    assert.deepEqual(
      messages.map(({ content }) => content),
      ['Bonjour à tous', 'Bonjour'],
    );
  });

  test('watches and reads along', async () => {
    const page = await shown('watch');
    await says(page, /^live [1-9]/);
    await says(page, /^Bonjour/);
    await page.context().close();
  });

  test('goes live', async () => {
    await fetch(`${world.base}/api/users/register/`, {
      method: 'POST',
      body: JSON.stringify({ email: 'awa@exemple.sn', password: 'une phrase assez longue', first_name: 'A', last_name: 'N' }),
    });
    const page = await shown('publish');
    await says(page, /^live [1-9]/);
    await says(page, /replay\.(mp4|webm)/, 30_000);
    await page.context().close();
  });

  test('is a page without building anything', async () => {
    app.page(block('html'));
    const page = await opened();
    await page.locator('communiconnect-chat').getByText('Bonjour à tous').waitFor();
    await page.waitForFunction(() => document.querySelector('communiconnect-live').player.video.currentTime > 1);
    await page.context().close();
  });
});
