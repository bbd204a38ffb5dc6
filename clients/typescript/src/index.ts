/** `@oricode/client`: everything that is public. */
export { OricodeClient, type AttachOptions, type ChatOptions, type ClientOptions, type TransportName } from "./client.js";
export {
  ConnectionLost,
  OricodeClientError,
  ProtocolViolation,
  RequestRefused,
  RunCancelled,
  RunClosed,
  ServiceFailed,
  UpstreamFailed,
  type Blame,
} from "./errors.js";
export type { ClientEvent, ConnectingData, EventDataByName, OricodeEvent, ReconnectingData, ServerEvent } from "./events.js";
export { fold, foldEvent } from "./fold.js";
export type * from "./generated/events.js";
export { PROTOCOL_VERSION } from "./generated/events.js";
export { ChatRun } from "./run.js";
export { Decoder, type ServerSentEvent } from "./sse.js";
export { EMPTY_STATE } from "./state.js";
export type { Block, RunMessage, RunState, RunStatus, TextBlock, ToolCallState, ToolUseBlock } from "./state.js";
export { REAL_TIMING, type Timing } from "./timing.js";
export type { ClientTool } from "./tools.js";
export type { WebSocketClass, WebSocketLike } from "./transports/socket.js";
export { NEW_VIEW, reduceView, toolTitle, viewOf, type LinkState, type RunView } from "./view.js";
