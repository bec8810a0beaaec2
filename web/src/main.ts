import { mount } from 'svelte';
import App from './App.svelte';
import { startLocale } from './i18n/locale.svelte';
import './app.css';

const target = document.getElementById('app');
if (target) {
  await startLocale();
  mount(App, { target });
}
