/**
 * A client for Oricode services (PROTOCOL.md): start at {@link io.oricode.client.OricodeClient}.
 *
 * <p>From the wire up: {@code SseDecoder} and {@code Exchange}; {@code SseLink} and {@code WebSocketLink}, one connection
 * each; {@link io.oricode.client.ChatRun}, which resumes over many; {@link io.oricode.client.StreamingCallback}, the same
 * pushed.
 */
package io.oricode.client;
