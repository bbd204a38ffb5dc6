package io.oricode.client;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * A server made of plain sockets, so that it can misbehave to the byte. Each request takes the next of the scripts that
 * were queued with {@link #then}; requests to {@code …/cancel} take those of {@link #onCancel}. A request without a
 * script is answered 500.
 */
final class ScriptedServer implements AutoCloseable {
    /** What to do with one request; the socket is closed afterwards. */
    interface Script {
        void play(Request request, Socket socket) throws IOException, InterruptedException;
    }

    /** A request as it came. Header names are in lower case. */
    record Request(String method, String path, Map<String, String> headers, String body) {
        String header(String name) {
            return headers.get(name);
        }
    }

    private final ServerSocket listening;
    private final Deque<Script> scripts = new ConcurrentLinkedDeque<>();
    private final Deque<Script> cancels = new ConcurrentLinkedDeque<>();
    private final BlockingQueue<Request> requests = new LinkedBlockingQueue<>();
    private final BlockingQueue<Request> cancelRequests = new LinkedBlockingQueue<>();
    private final ThreadGroup threads = new ThreadGroup("scripted-server");

    ScriptedServer() {
        try {
            listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
        start("accept", this::accept);
    }

    URI base() {
        return URI.create("http://127.0.0.1:" + listening.getLocalPort());
    }

    /** Queues what the next request without a script shall meet. */
    ScriptedServer then(Script script) {
        scripts.add(script);
        return this;
    }

    /** Queues what the next cancel shall meet. */
    ScriptedServer onCancel(Script script) {
        cancels.add(script);
        return this;
    }

    /** The next request that was not a cancel; waits for it. */
    Request takeRequest() throws InterruptedException {
        return take(requests);
    }

    /** The next cancel; waits for it. */
    Request takeCancel() throws InterruptedException {
        return take(cancelRequests);
    }

    /** Requests that nobody has taken yet. */
    int untakenRequests() {
        return requests.size() + cancelRequests.size();
    }

    /** A script that answers at once, with a whole body. */
    static Script answer(int status, String headers, String body) {
        return (request, socket) -> {
            byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
            String head = "HTTP/1.1 " + status + " X\r\nConnection: close\r\n" + headers
                    + (status == 204 ? "" : "Content-Length: " + bytes.length + "\r\n") + "\r\n";
            socket.getOutputStream().write(head.getBytes(StandardCharsets.UTF_8));
            socket.getOutputStream().write(bytes);
        };
    }

    /** A problem document of the service. */
    static Script problem(String code, int status, boolean retryable, String headers) {
        return answer(status, "Content-Type: application/problem+json\r\n" + headers,
                "{\"code\": \"" + code + "\", \"detail\": \"Sorry: " + code + ".\", \"retryable\": " + retryable + "}");
    }

    /** Waits until the other side has closed the connection; true when it did within ten seconds. */
    static boolean closedByPeer(Socket socket) throws IOException {
        socket.setSoTimeout(10_000);
        try {
            InputStream in = socket.getInputStream();
            while (in.read() >= 0) {
                // pings and the like
            }
            return true;
        } catch (java.net.SocketTimeoutException stillOpen) {
            return false;
        } catch (java.net.SocketException reset) {
            return true;
        }
    }

    /** From now on nobody answers at this address. */
    void vanish() {
        try {
            listening.close();
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    @Override
    public void close() {
        vanish();
        threads.interrupt();
    }

    private void accept() {
        try {
            while (true) {
                Socket socket = listening.accept();
                start("connection", () -> serve(socket));
            }
        } catch (IOException closed) {
            // close() was called: the test is over
        }
    }

    private void serve(Socket socket) {
        try (socket) {
            socket.setTcpNoDelay(true);
            Request request = read(socket.getInputStream());
            if (request == null) {
                return;
            }
            boolean cancel = request.path().endsWith("/cancel");
            Script script = (cancel ? cancels : scripts).poll();
            (cancel ? cancelRequests : requests).add(request);
            (script == null ? answer(500, "", "no script") : script).play(request, socket);
        } catch (IOException | InterruptedException gone) {
            // the client went away, or the test is over: both are what scripts are for
        }
    }

    private static Request read(InputStream in) throws IOException {
        String first = line(in);
        if (first.isEmpty()) {
            return null;
        }
        Map<String, String> headers = new LinkedHashMap<>();
        for (String line = line(in); !line.isEmpty(); line = line(in)) {
            int colon = line.indexOf(':');
            headers.put(line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).trim());
        }
        int length = Integer.parseInt(headers.getOrDefault("content-length", "0"));
        String[] parts = first.split(" ");
        return new Request(parts[0], parts[1], headers, new String(in.readNBytes(length), StandardCharsets.UTF_8));
    }

    private static String line(InputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int b = in.read(); b >= 0 && b != '\n'; b = in.read()) {
            if (b != '\r') {
                line.write(b);
            }
        }
        return line.toString(StandardCharsets.UTF_8);
    }

    private static Request take(BlockingQueue<Request> queue) throws InterruptedException {
        Request request = queue.poll(10, TimeUnit.SECONDS);
        if (request == null) {
            throw new AssertionError("no request came");
        }
        return request;
    }

    private void start(String name, Runnable work) {
        Thread thread = new Thread(threads, work, name);
        thread.setDaemon(true);
        thread.start();
    }
}
