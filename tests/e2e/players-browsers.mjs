// The browsers of the matrix. Firefox is driven over WebDriver BiDi: no geckodriver is needed.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const tools = fileURLToPath(new URL('../../.tools/', import.meta.url));

/** The program to start, or undefined where there is none. */
export const firefox = process.env.FIREFOX ?? ['/usr/bin/firefox-esr', '/usr/bin/firefox'].find(existsSync);

/** A Chromium without a window that plays without being asked. */
export function openChromium() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/google-chrome'].find(existsSync),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--autoplay-policy=no-user-gesture-required',
      // libvpx's VP8 decoder with several threads spins for seconds on a busy machine; see BROWSERS.
      '--video-threads=1',
      '--disable-background-networking',
      '--disable-component-update',
      '--no-first-run',
    ],
  });
}

/** A Firefox without a window that plays without being asked. */
export async function openFirefox() {
  const entry = createRequire(path.join(tools, 'x.js')).resolve('puppeteer-core');
  const { default: puppeteer } = await import(pathToFileURL(entry));
  return puppeteer.launch({
    browser: 'firefox',
    executablePath: firefox,
    headless: true,
    extraPrefsFirefox: {
      'media.autoplay.default': 0,
      'media.autoplay.blocking_policy': 0,
      'media.block-autoplay-until-in-foreground': false,
      'media.suspend-background-video.enabled': false,
      'media.navigator.permission.disabled': true,
      'media.navigator.streams.fake': true,
      'datareporting.policy.dataSubmissionEnabled': false,
      'app.update.enabled': false,
    },
  });
}
