/**
 * A WebSocket as this client opens it, sending every message back: what the Autobahn suite's fuzzing server talks to.
 *
 * In: the class, as a caller of the client would give it. Out: nothing; the server writes the report. `make
 * autobahn-clients` bundles this, for Node.js with `ws`, for Node.js with its own class, and for a page.
 */
import { dial } from "../src/transports/websocket.js";

type Message = string | ArrayBuffer;

/** The client takes text alone; the suite wants binary messages back too. */
interface EchoSocket {
  binaryType: string;
  onmessage: ((event: { data: Message }) => void) | null;
  onclose: (() => void) | null;
  onerror: (() => void) | null;
  send(message: Message): void;
  close(): void;
}

export type EchoClass = new (url: string, protocols: string[]) => EchoSocket;

/** Passes all cases that the server at `url` has, and asks it for its report. */
export async function echoAll(WebSocket: EchoClass, url: string, agent: string): Promise<void> {
  const count = Number(await first(WebSocket, `${url}/getCaseCount`));
  for (let number = 1; number <= count; number++) await echo(WebSocket, `${url}/runCase?case=${number}&agent=${agent}`);
  await echo(WebSocket, `${url}/updateReports?agent=${agent}`);
}

function echo(WebSocket: EchoClass, url: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = dial(WebSocket, url, { key: "key" });
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => socket.send(data);
    socket.onerror = () => {}; // "close" follows
    socket.onclose = () => resolve();
  });
}

function first(WebSocket: EchoClass, url: string): Promise<Message> {
  return new Promise((resolve, reject) => {
    const socket = dial(WebSocket, url, { key: "key" });
    socket.onmessage = ({ data }) => {
      resolve(data);
      socket.close();
    };
    socket.onclose = () => reject(new Error(`${url} closed without a word`));
  });
}
