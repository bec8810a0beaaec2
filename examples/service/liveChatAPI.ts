// What was an axios instance and three functions is one import.
import { createLiveChatAPI } from '@communiconnect/live/live-chat-api';

export const liveChatAPI = createLiveChatAPI({
  baseURL: 'https://live.example',
  token: () => localStorage.getItem('access_token'),
});
