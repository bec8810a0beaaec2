// Where a browser best keeps the publisher's slices: what one slice costs in IndexedDB and in OPFS, and whether the page
// must wait for it. Prints a table.      node bench/spool-storage.mjs

import { createServer } from 'node:http';
import { firefox, openChromium, openFirefox } from '../tests/e2e/players-browsers.mjs';

const SLICES = 240;
/** Half a second of 1.2 Mbit/s. */
const BYTES = 75_000;

/** Runs in the page: milliseconds for each slice in each kind of storage, or why it is not there. */
async function measure([slices, bytes]) {
  const slice = new Uint8Array(bytes).map((_, index) => (index * 31) % 251);
  const timed = async (write) => {
    const took = [];
    for (let number = 0; number < slices; number += 1) {
      const begin = performance.now();
      await write(number);
      took.push(performance.now() - begin);
    }
    took.sort((a, b) => a - b);
    const at = (share) => Number(took[Math.floor(share * (took.length - 1))].toFixed(2));
    return { p50: at(0.5), p95: at(0.95), most: at(1) };
  };
  const database = (durability) => async () => {
    const request = indexedDB.open(`slices-${durability}`, 1);
    const db = await new Promise((resolve, reject) => {
      request.onupgradeneeded = () => request.result.createObjectStore('slices');
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    return timed(
      (number) =>
        new Promise((resolve, reject) => {
          const transaction = db.transaction('slices', 'readwrite', { durability });
          transaction.objectStore('slices').put(slice, number);
          transaction.oncomplete = resolve;
          transaction.onabort = () => reject(transaction.error);
        }),
    );
  };
  const files = async () => {
    const root = await navigator.storage.getDirectory();
    return timed(async (number) => {
      const file = await root.getFileHandle(`slice-${number}`, { create: true });
      const writable = await file.createWritable();
      await writable.write(slice);
      await writable.close();
    });
  };
  const worker = (flush) => async () => {
    const code = `onmessage = async ({ data: [name, flush] }) => {
      const root = await navigator.storage.getDirectory();
      const file = await root.getFileHandle(name, { create: true });
      const handle = await file.createSyncAccessHandle();
      postMessage('open');
      onmessage = ({ data }) => {
        handle.write(data, { at: handle.getSize() });
        if (flush) handle.flush();
        postMessage('kept');
      };
    };`;
    const thread = new Worker(URL.createObjectURL(new Blob([code])));
    const answer = () =>
      new Promise((resolve, reject) => {
        thread.onmessage = resolve;
        thread.onerror = (event) => reject(new Error(event.message));
      });
    thread.postMessage([`log-${flush}`, flush]);
    await answer();
    return timed(() => {
      const kept = answer();
      thread.postMessage(slice);
      return kept;
    });
  };
  const told = {};
  for (const [name, run] of [
    ['IndexedDB, relaxed', database('relaxed')],
    ['IndexedDB, strict', database('strict')],
    ['OPFS, a file for each slice', files],
    ['OPFS in a worker, one file', worker(false)],
    ['OPFS in a worker, one file, flushed', worker(true)],
  ])
    told[name] = await run().catch((error) => `${error}`);
  return told;
}

const server = createServer((_, answer) =>
  answer.setHeader('content-type', 'text/html').end('<!doctype html><title>x</title>'),
);
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const url = `http://127.0.0.1:${server.address().port}/`;
for (const [name, open] of [['Chromium', openChromium], ...(firefox ? [['Firefox', openFirefox]] : [])]) {
  const browser = await open();
  const page = await browser.newPage();
  await page.goto(url);
  console.log(name, await browser.version());
  console.table(await page.evaluate(measure, [SLICES, BYTES]));
  await browser.close();
}
server.close();
