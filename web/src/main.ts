import { mount } from 'svelte';
import App from './App.svelte';
import { startLocale } from './i18n/locale.svelte';
import { fetchEarly } from './pages';
import { router } from './router.svelte';
import './app.css';

const target = document.getElementById('app');
if (target) {
  await Promise.all([startLocale(), fetchEarly(router.path)]);
  mount(App, { target });
}
