export { Chat, type ChatConnection, type ChatOptions, type ChatState, isEmoji } from './chat/chat.js';
export { Leading, type RulesChange } from './chat/leading.js';
export { ChatLog } from './chat/log.js';
export type { Numbered } from './chat/numbered.js';
export { Outbox, type OutboxEntry, type OutboxState, type Written } from './chat/outbox.js';
export { LiveClient, type LiveClientOptions, type Outgoing, type TokenSource } from './client.js';
export {
  createLiveChatAPI,
  type LiveChatAPI,
  type LiveChatAPIOptions,
  LiveChatError,
  type LiveChatResponse,
  liveChatAPI,
  type MessageData,
} from './live-chat-api.js';
export { rangesOf } from './player/buffered.js';
export { oneFile, playClock, positionOf, takeAt } from './player/clock.js';
export { Player, type PlayerMode, type PlayerOptions, type PlayerState, type Way } from './player/player.js';
export { Problem, Unexpected, Unreachable } from './problem.js';
export { Backlog, type OpenLive, type Waiting } from './publisher/backlog.js';
export type { DeviceTrouble } from './publisher/devices.js';
export { type Connection, type Notice, Publisher, type PublisherState } from './publisher/publisher.js';
export { megabytesPerHour, QUALITIES, type Quality, type QualityName } from './publisher/quality.js';
export type { AnswerOf, RequestOf } from './requests.js';
export { Session, type SessionState } from './session.js';
export { Signal, type Unsubscribe } from './signal.js';
export type * from './types.js';
