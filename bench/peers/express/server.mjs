// The obvious implementation: Express and the official SDK's messages.stream, one write per text event.
import Anthropic from '@anthropic-ai/sdk';
import express from 'express';

const [port, upstream, heartbeat] = process.argv.slice(2);
const client = new Anthropic({ baseURL: upstream, apiKey: 'bench', maxRetries: 0 });
const app = express();
app.use(express.json());
app.post('/api/chat', async (request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  response.write('event: connected\ndata: {"message":"connected"}\n\n');
  const beat = setInterval(
    () => response.write(`event: heartbeat\ndata: {"timestamp":${Date.now()}}\n\n`), Number(heartbeat) * 1000);
  const stream = client.messages.stream({
    model: 'claude-bench', max_tokens: 8192, messages: [{ role: 'user', content: request.body.prompt }],
  });
  response.on('close', () => { clearInterval(beat); stream.abort(); });
  stream.on('text', (text) => response.write(`event: content\ndata: ${JSON.stringify({ text, index: 0 })}\n\n`));
  try {
    await stream.finalMessage();
    response.write('event: done\ndata: {"message":"Complete"}\n\n');
  } catch (error) {
    response.write(`event: error\ndata: ${JSON.stringify({ error: String(error) })}\n\n`);
  }
  response.end();
});
app.listen(Number(port), '127.0.0.1');
