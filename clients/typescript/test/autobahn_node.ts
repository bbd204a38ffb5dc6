/** `node - URL AGENT`, from standard input: `autobahn_echo` in Node.js, with the class of `ws`, or with `--own` Node's. */
import { WebSocket as Ws } from "ws";
import { echoAll, type EchoClass } from "./autobahn_echo.js";

const [url, agent, own] = process.argv.slice(2);
const Class = own === "--own" ? globalThis.WebSocket : Ws;
await echoAll(Class as unknown as EchoClass, url!, agent!);
