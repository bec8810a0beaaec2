import '@communiconnect/live/elements';
import '@communiconnect/live/vue';
import { createApp, ref } from 'vue';

const app = createApp({
  setup() {
    const ms = ref(0);
    const count = ref(0);
    const over = ref(false);
    const token = async (): Promise<string> => (await fetch('/token')).text();
    return { ms, count, over, token, server: 'https://live.example', liveId: 7 };
  },
  template: `
    <main>
      <h1>{{ over ? 'Le live est terminé' : 'En direct' }}</h1>
      <communiconnect-live id="player" :live-id="liveId" :src-base="server" :token="token"
        @position="ms = $event.detail.ms" @live-ended="over = true" />
      <communiconnect-chat :live-id="liveId" :src-base="server" :token="token" for="player" @message="count += 1" />
      <p>À <output id="position">{{ Math.floor(ms / 1000) }}</output> s, <output id="count">{{ count }}</output> nouveaux messages</p>
    </main>
  `,
});
app.config.compilerOptions.isCustomElement = (tag: string) => tag.startsWith('communiconnect-');
app.mount('#app');
