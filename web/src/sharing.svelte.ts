/** How long it is said that an address was copied. */
const SAID_MS = 2_000;

/** Sends an address on: by what the device offers for it, else by the clipboard. */
export class Sharing {
  /** True for a moment after the address was copied. */
  copied = $state(false);

  async share(url: string, title: string): Promise<void> {
    if (navigator.share) await navigator.share({ title, url }).catch(() => undefined);
    else await this.copy(url);
  }

  async copy(url: string): Promise<void> {
    await navigator.clipboard?.writeText(url).catch(() => undefined);
    this.copied = true;
    setTimeout(() => {
      this.copied = false;
    }, SAID_MS);
  }
}
