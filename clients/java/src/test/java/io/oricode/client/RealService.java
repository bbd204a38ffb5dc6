package io.oricode.client;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The real service as a process, playing a script: to be killed, and started again on the same port and data. */
final class RealService {
    private static final String COMMAND = System.getProperty("oricode.command");

    private final Path folder;
    private final int port;
    private final String key;
    private final Path script;
    private Process process;

    RealService(Path folder, Path script) throws IOException, InterruptedException {
        this.folder = folder;
        this.script = script;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
        Path told = folder.resolve("key.txt");
        int failed = new ProcessBuilder(COMMAND, "keys", "create", "--user", "alice", "--data-dir", folder.toString())
                .redirectOutput(told.toFile())
                .redirectErrorStream(true)
                .start()
                .waitFor();
        List<String> words = List.of(Files.readString(told).strip().split("\\s+"));
        if (failed != 0) {
            throw new IOException("no key: " + words);
        }
        key = words.get(words.size() - 1);
        start();
    }

    ClientOptions options() {
        return ClientOptions.of(URI.create("http://127.0.0.1:" + port), key);
    }

    /** Starts the process and waits until it is ready. */
    void start() throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(COMMAND, "serve", "--port", "" + port, "--model", "demo"));
        command.addAll(List.of("--data-dir", folder.toString()));
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(folder.resolve("service.log").toFile()));
        builder.environment().put("ORICODE_SCRIPT", script.toString());
        process = builder.start();
        HttpRequest ready = HttpRequest.newBuilder(options().resolve("/readyz")).build();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (System.nanoTime() < deadline && process.isAlive()) {
            try {
                HttpResponse<Void> answer =
                        HttpClient.newHttpClient().send(ready, HttpResponse.BodyHandlers.discarding());
                if (answer.statusCode() == 200) {
                    return;
                }
            } catch (IOException notYet) {
                process.waitFor(100, TimeUnit.MILLISECONDS); // a pause that ends early when the process does
            }
        }
        throw new IOException("the service did not become ready: " + Files.readString(folder.resolve("service.log")));
    }

    /** SIGKILL: as a crash. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    /** Ends it in good order. */
    void stop() throws InterruptedException {
        process.destroy();
        if (!process.waitFor(20, TimeUnit.SECONDS)) {
            kill();
        }
    }
}
