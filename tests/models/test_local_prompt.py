"""Calls made fit for a small model."""

from __future__ import annotations

from oricode_service.models.local_prompt import SYSTEM_CHARACTERS, PlainPrompt, plain


def user(content):
    return {"role": "user", "content": content}


def assistant(content):
    return {"role": "assistant", "content": content}


def test_a_plain_chat_stays_as_it_is():
    prompt = plain([{"type": "text", "text": "Be brief."}], [user("Hi"), assistant("Hello"), user("Bye")])
    assert prompt == PlainPrompt("Be brief.", (("user", "Hi"), ("assistant", "Hello"), ("user", "Bye")))


def test_tool_turns_become_text_and_roles_still_alternate():
    prompt = plain(
        [],
        [
            user([{"type": "text", "text": "Check ZX"}, {"type": "image", "source": {}}]),
            assistant(
                [{"type": "thinking", "thinking": "…"}, {"type": "tool_use", "id": "t", "name": "n", "input": {}}]
            ),
            user([{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "sound"}]}]),
            assistant("It is sound."),
            user([{"type": "tool_result", "tool_use_id": "u", "content": ""}, {"type": "text", "text": "Thanks"}]),
        ],
    )
    assert prompt.turns == (
        ("user", "Check ZX\n\n[image]\n\nA tool answered: sound"),
        ("assistant", "It is sound."),
        ("user", "Thanks"),
    )


def test_the_first_and_the_last_turn_are_the_user_s():
    assert plain([], [assistant("Welcome"), user(" ")]).turns == (("user", "(nothing)"),)
    assert plain([], [user("a"), assistant("b"), user([])]).turns[-1] == ("user", "(nothing)")


def test_a_long_system_prompt_is_cut_between_lines():
    lines = "\n".join(f"line {i} " + "x" * 90 for i in range(100))
    system = plain([{"type": "text", "text": lines}], [user("a")]).system
    assert SYSTEM_CHARACTERS / 2 < len(system) <= SYSTEM_CHARACTERS
    assert lines.startswith(system + "\n")


def test_shortening_drops_oldest_questions_with_their_answers_until_only_the_last_message_is_left():
    turns = (*((role, role + str(i)) for i in range(4) for role in ("user", "assistant")), ("user", "last"))
    prompt: PlainPrompt | None = PlainPrompt("system", turns)
    lengths = []
    while prompt is not None:
        assert prompt.turns[-1] == ("user", "last")
        assert prompt.turns[0][0] == "user"
        lengths.append((len(prompt.turns), prompt.system))
        prompt = prompt.shortened(0.99)
    assert lengths == [(9, "system"), (7, "system"), (5, "system"), (3, "system"), (1, "system"), (1, "")]


def test_shortening_goes_straight_to_the_share_asked_for():
    turns = (*((role, "x" * 100) for _ in range(20) for role in ("user", "assistant")), ("user", "last"))
    shorter = PlainPrompt("", turns).shortened(0.25)
    assert shorter is not None
    assert 600 <= sum(len(text) for _, text in shorter.turns) <= 1004
