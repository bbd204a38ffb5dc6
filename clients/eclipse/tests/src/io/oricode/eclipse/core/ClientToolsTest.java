package io.oricode.eclipse.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ClientToolsTest {
    private final List<String> done = new ArrayList<>();
    private final List<Question> asked = new ArrayList<>();
    private boolean agrees = true;
    private Optional<EditorPort.OpenFile> open =
            Optional.of(new EditorPort.OpenFile("z.abap", "WRITE 1.", "1"));
    private final ClientTools tools = new ClientTools(
            new EditorPort() {
                @Override
                public Optional<OpenFile> active() {
                    return open;
                }

                @Override
                public Optional<String> replace(String before, String after) {
                    done.add(before + " -> " + after);
                    return before.equals("absent") ? Optional.of("not there") : Optional.empty();
                }
            },
            question -> {
                asked.add(question);
                return agrees;
            });

    @Test
    void readingTellsNameTextAndSelection() {
        ClientTools.Answer answer = tools.run("c1", "read_editor", new JsonObject());
        assertFalse(answer.isError());
        assertEquals(
                JsonParser.parseString("{\"name\": \"z.abap\", \"text\": \"WRITE 1.\", \"selection\": \"1\"}"),
                JsonParser.parseString(answer.content()));
        assertEquals(List.of(), asked);
    }

    @Test
    void anEditIsDoneOnlyAfterThePersonAgreed() {
        assertFalse(edit("1", "2").isError());
        assertEquals(List.of("1 -> 2"), done);
        assertEquals("- 1\n+ 2", asked.get(0).detail());
        agrees = false;
        assertTrue(edit("1", "3").isError());
        assertEquals(List.of("1 -> 2"), done, "nothing was changed without consent");
    }

    @Test
    void whatCannotBeDoneIsAnError() {
        assertEquals("not there", edit("absent", "x").content());
        assertTrue(edit("", "x").isError());
        assertTrue(tools.run("c1", "format_disk", new JsonObject()).isError());
        open = Optional.empty();
        assertTrue(edit("1", "2").isError());
        assertTrue(tools.run("c1", "read_editor", new JsonObject()).isError());
    }

    @Test
    void aWithdrawnQuestionCountsAsDeclined() throws InterruptedException {
        Questions questions = new Questions(() -> {});
        boolean[] answer = {true};
        Thread waiting = new Thread(() -> answer[0] = questions.askAndWait(new Question("q", "t", "d", "y", "n")));
        waiting.start();
        while (questions.oldest() == null) {
            Thread.onSpinWait(); // until it was asked
        }
        questions.withdrawAll();
        waiting.join(10_000);
        assertFalse(waiting.isAlive());
        assertFalse(answer[0]);
    }

    private ClientTools.Answer edit(String before, String after) {
        JsonObject input = new JsonObject();
        input.addProperty("before", before);
        input.addProperty("after", after);
        return tools.run("c1", "apply_edit", input);
    }
}
