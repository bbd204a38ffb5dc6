"""The SAP target against the fake ADT service, whose own truth is checked with abap-adt-py."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from hashlib import sha256

import pytest
from abap_adt_py import exceptions as adt_errors
from abap_adt_py.adt_client import AdtClient
from fake_adt import FakeAdt, Fault
from oricode_service.tools.deploy import DeployStoredCode
from oricode_service.tools.port import Outcome, Step
from oricode_service.tools.targets.adt_session import AdtSettings
from oricode_service.tools.targets.adt_xml import normal_form
from oricode_service.tools.targets.port import Job
from oricode_service.tools.targets.sap_adt import SapAdtTarget
from tools.memory_programs import MemoryPrograms
from tools.playing import PATIENCE, call_of, result, run

PROGRAMS = "/sap/bc/adt/programs/programs"
URI = f"{PROGRAMS}/zfoo"
GOOD = "REPORT zfoo.\nWRITE 'Grüße'.  \n\n"
BROKEN = "REPORT zfoo.\nWRTE 1.\n"


def settings(sap: FakeAdt, **changes: object) -> AdtSettings:
    given: dict[str, object] = {"url": sap.url, "user": "dev", "password": "secret", "timeout": 5.0, **changes}
    sap.system.user = str(given["user"])
    return AdtSettings(**given)  # type: ignore[arg-type]


@pytest.fixture
def target(sap: FakeAdt) -> SapAdtTarget:
    return SapAdtTarget(settings(sap))


@pytest.fixture
def deploy(programs: MemoryPrograms, target: SapAdtTarget) -> DeployStoredCode:
    return DeployStoredCode(programs, {"sap-adt": target}, "sap-adt", clock=lambda: 1000)


async def put(programs: MemoryPrograms, source: str, name: str = "ZFOO", language: str | None = None) -> None:
    await programs.put_chunk("anna", name, index=0, total=1, code=source, language=language)


async def deployed(deploy: DeployStoredCode, programs: MemoryPrograms, source: str, name: str = "ZFOO") -> Outcome:
    await put(programs, source, name)
    return await result(deploy, {"program": name})


async def test_a_new_report_is_created_locked_checked_written_unlocked_and_activated(
    sap: FakeAdt, deploy: DeployStoredCode, programs: MemoryPrograms
) -> None:
    await put(programs, GOOD)
    steps, outcome = await run(deploy, {"program": "ZFOO"})
    assert [(step.message, step.current, step.total) for step in steps[1:]] == [
        ("Creating ZFOO...", 1, 4),
        ("Locking ZFOO...", 2, 4),
        ("Writing ZFOO...", 3, 4),
        ("Activating ZFOO...", 4, 4),
    ]
    assert (outcome.status, outcome.summary) == ("ok", "ZFOO deployed to sap-adt")
    assert sap.calls() == [
        f"POST {PROGRAMS} -> 201",
        f"POST {URI} LOCK -> 200",
        "POST /sap/bc/adt/checkruns -> 200",
        f"PUT {URI}/source/main -> 200",
        f"POST {URI} UNLOCK -> 200",
        "POST /sap/bc/adt/activation -> 200",
    ]
    found = sap.system.objects[URI]
    assert (found.type, found.package, found.active) == ("PROG/P", "$TMP", "REPORT zfoo.\r\nWRITE 'Grüße'.")
    assert sap.system.locks == {}


@pytest.mark.parametrize(
    ("name", "source", "uri", "type_"),
    [
        ("ZCL_X", "CLASS zcl_x DEFINITION PUBLIC.\nENDCLASS.\n", "/sap/bc/adt/oo/classes/zcl_x", "CLAS/OC"),
        ("ZIF_X", "INTERFACE zif_x PUBLIC.\nENDINTERFACE.\n", "/sap/bc/adt/oo/interfaces/zif_x", "INTF/OI"),
        ("/ACME/ZFOO", "REPORT /acme/zfoo.\n", f"{PROGRAMS}/%2facme%2fzfoo", "PROG/P"),
    ],
)
async def test_each_kind_of_object_goes_to_its_place(
    sap: FakeAdt, deploy: DeployStoredCode, programs: MemoryPrograms, name: str, source: str, uri: str, type_: str
) -> None:
    outcome = await deployed(deploy, programs, source, name)
    assert outcome.status == "ok", outcome.content
    assert (sap.system.objects[uri].name, sap.system.objects[uri].type) == (name, type_)
    assert normal_form(sap.system.objects[uri].active) == normal_form(source)


async def test_an_existing_object_is_not_created_again(
    sap: FakeAdt, deploy: DeployStoredCode, programs: MemoryPrograms
) -> None:
    await deployed(deploy, programs, GOOD)
    sap.seen.clear()
    assert (await deployed(deploy, programs, GOOD + "WRITE 1.\n")).status == "ok"
    assert not [call for call in sap.calls() if call.startswith(f"POST {PROGRAMS} ")]
    assert sap.system.objects[URI].activations == 2


async def test_the_transport_request_goes_along(sap: FakeAdt, programs: MemoryPrograms) -> None:
    target = SapAdtTarget(settings(sap, transport="A4HK900001", package="ZPACK"))
    deploy = DeployStoredCode(programs, {"sap-adt": target}, "sap-adt")
    assert (await deployed(deploy, programs, GOOD)).status == "ok"
    assert {seen.query.get("corrNr") for seen in sap.seen if seen.path == PROGRAMS or seen.method == "PUT"} == {
        "A4HK900001"
    }
    assert sap.system.objects[URI].package == "ZPACK"
    assert all(seen.query["sap-client"] == "001" for seen in sap.seen)


async def test_errors_of_the_systems_own_check_keep_the_source_out(
    sap: FakeAdt, deploy: DeployStoredCode, programs: MemoryPrograms
) -> None:
    await deployed(deploy, programs, GOOD)
    outcome = await deployed(deploy, programs, BROKEN)
    assert outcome.status == "error"
    assert 'found line 2: The statement "WRTE" is not defined. Nothing was changed.' in outcome.content.replace(
        "..", "."
    )
    assert (sap.system.objects[URI].inactive, sap.system.locks) == (None, {})


async def test_a_failed_activation_tells_the_messages_and_what_is_left(
    sap: FakeAdt, deploy: DeployStoredCode, programs: MemoryPrograms
) -> None:
    no_findings = '<c:checkRunReports xmlns:c="http://www.sap.com/adt/checkrun"/>'
    sap.fault(Fault("POST", "checkruns", "status", 200, no_findings))
    outcome = await deployed(deploy, programs, BROKEN)
    assert outcome.status == "error"
    assert 'activating it failed: line 2: The statement "WRTE" is not defined.' in outcome.content
    assert outcome.content.endswith("The new source is saved but not active.")


async def test_an_activation_that_only_pretends_is_an_error(
    sap: FakeAdt, deploy: DeployStoredCode, programs: MemoryPrograms
) -> None:
    sap.system.pretends = True
    outcome = await deployed(deploy, programs, GOOD)
    assert (outcome.status, "the object is still inactive" in outcome.content) == ("error", True)


async def test_warnings_are_passed_on(sap: FakeAdt, deploy: DeployStoredCode, programs: MemoryPrograms) -> None:
    sap.system.warning = "Obsolete statement"
    outcome = await deployed(deploy, programs, GOOD)
    assert (outcome.status, outcome.content.endswith("Warnings: line 1: Obsolete statement.")) == ("ok", True)


async def test_a_preaudit_that_only_lists_objects_is_answered(
    sap: FakeAdt, deploy: DeployStoredCode, programs: MemoryPrograms
) -> None:
    sap.system.preaudit = True
    assert (await deployed(deploy, programs, GOOD)).status == "ok"
    assert [seen.query["preauditRequested"] for seen in sap.seen if seen.path.endswith("/activation")] == [
        "true",
        "false",
    ]


async def test_an_expired_csrf_token_is_renewed(
    sap: FakeAdt, deploy: DeployStoredCode, programs: MemoryPrograms
) -> None:
    await deployed(deploy, programs, GOOD)
    fault = sap.fault(Fault("POST", "_action=LOCK", "stall"))
    await put(programs, GOOD + "WRITE 1.\n")
    running = asyncio.create_task(result(deploy, {"program": "ZFOO"}))
    async with asyncio.timeout(PATIENCE):
        await fault.struck.wait()
    sap.system.expire_sessions()
    fault.release.set()
    assert (await running).status == "ok"
    assert f"POST {URI} LOCK -> 403" in sap.calls()


async def test_a_session_that_expires_with_the_lock_is_an_error(
    sap: FakeAdt, deploy: DeployStoredCode, programs: MemoryPrograms
) -> None:
    fault = sap.fault(Fault("PUT", "/source/main", "stall"))
    await put(programs, GOOD)
    running = asyncio.create_task(result(deploy, {"program": "ZFOO"}))
    async with asyncio.timeout(PATIENCE):
        await fault.struck.wait()
    sap.system.expire_sessions()
    fault.release.set()
    outcome = await running
    assert (outcome.status, "is not locked (invalid lock handle)" in outcome.content) == ("error", True)


async def test_an_object_that_somebody_edits_is_an_error_with_their_name(
    sap: FakeAdt, deploy: DeployStoredCode, programs: MemoryPrograms
) -> None:
    await deployed(deploy, programs, GOOD)
    sap.system.locks[URI] = ("X", "another session")
    outcome = await deployed(deploy, programs, GOOD + "WRITE 1.\n")
    assert outcome.status == "error"
    assert "locking it failed: User DEV is currently editing ZFOO. Nothing was changed." in outcome.content
    assert sap.system.locks == {URI: ("X", "another session")}


async def test_an_html_error_page_is_told_by_its_title(
    sap: FakeAdt, deploy: DeployStoredCode, programs: MemoryPrograms
) -> None:
    page = "<html><head><title>Application Server Error</title></head><body>...<br></body></html>"
    sap.fault(Fault("PUT", "/source/main", "status", 500, page))
    outcome = await deployed(deploy, programs, GOOD)
    assert outcome.content == (
        "ZFOO was not deployed to sap-adt: writing it failed: Application Server Error. "
        "An inactive version may have been saved."
    )


@pytest.mark.parametrize(("method", "where"), [("POST", "checkruns"), ("PUT", "/source/main")])
@pytest.mark.parametrize("how", ["status", "drop", "garbage"])
async def test_whatever_fails_under_the_lock_gives_it_back(
    sap: FakeAdt, deploy: DeployStoredCode, programs: MemoryPrograms, method: str, where: str, how: str
) -> None:
    sap.fault(Fault(method, where, how, 500, times=9))  # type: ignore[arg-type]
    outcome = await deployed(deploy, programs, GOOD)
    assert sap.system.locks == {}
    if (method, how) != ("PUT", "garbage"):
        assert outcome.status == "error"
    assert sap.system.objects[URI].activations == 0


async def test_a_lock_that_cannot_be_given_back_ends_with_the_session(
    sap: FakeAdt, deploy: DeployStoredCode, programs: MemoryPrograms
) -> None:
    sap.fault(Fault("POST", "_action=UNLOCK", "status", 500))
    await deployed(deploy, programs, GOOD)
    assert sap.system.locks == {}
    assert sap.seen[-1].path == "/sap/public/bc/icf/logoff"


async def test_cancelling_a_deployment_gives_the_lock_back(
    sap: FakeAdt, deploy: DeployStoredCode, programs: MemoryPrograms
) -> None:
    fault = sap.fault(Fault("PUT", "/source/main", "stall"))
    await put(programs, GOOD)
    running = asyncio.create_task(result(deploy, {"program": "ZFOO"}))
    async with asyncio.timeout(PATIENCE):
        await fault.struck.wait()
        assert URI in sap.system.locks
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert sap.system.locks == {}


async def test_closing_the_deployment_between_two_steps_gives_the_lock_back(sap: FakeAdt, target: SapAdtTarget) -> None:
    async with asyncio.timeout(PATIENCE), contextlib.aclosing(target.deploy(job(GOOD))) as doing:
        async for step in doing:
            if isinstance(step, Step) and step.current == 3:
                break
    assert sap.calls()[-1] == f"POST {URI} UNLOCK -> 200"


@pytest.mark.parametrize(
    ("how", "status"),
    [("drop after", "ok"), ("drop", "unknown"), ("garbage", "unknown")],
)
async def test_an_activation_without_a_clear_answer_is_settled_by_reading_back(
    sap: FakeAdt, deploy: DeployStoredCode, programs: MemoryPrograms, how: str, status: str
) -> None:
    sap.fault(Fault("POST", "/activation", how))  # type: ignore[arg-type]
    outcome = await deployed(deploy, programs, GOOD)
    assert outcome.status == status
    assert sap.system.objects[URI].activations == (1 if status == "ok" else 0)
    if status == "unknown":
        assert "It cannot be told whether ZFOO was deployed" in outcome.content
        assert "The new source is saved. Look at the target" in outcome.content


async def test_a_system_that_does_not_answer_is_given_up(sap: FakeAdt, programs: MemoryPrograms) -> None:
    sap.fault(Fault("GET", "/source/main", "stall"))
    deploy = DeployStoredCode(programs, {"sap-adt": SapAdtTarget(settings(sap, timeout=0.3))}, "sap-adt")
    outcome = await deployed(deploy, programs, GOOD)
    assert (outcome.status, "did not answer within 0.3 seconds" in outcome.content) == ("error", True)


async def test_what_sap_cannot_take_is_refused_before_any_request(
    sap: FakeAdt, deploy: DeployStoredCode, programs: MemoryPrograms
) -> None:
    assert "takes ABAP, not json" in (await deployed(deploy, programs, "{}", "config.json")).content
    long = "ZCL_" + "X" * 30
    source = "CLASS zcl_x DEFINITION PUBLIC.\nENDCLASS."
    assert "is not a name an ABAP object" in (await deployed(deploy, programs, source, long)).content
    assert sap.seen == []


async def test_a_wrong_password_is_told_without_telling_it(
    sap: FakeAdt, programs: MemoryPrograms, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    one = settings(sap, password="wr0ng-passw0rd")
    deploy = DeployStoredCode(programs, {"sap-adt": SapAdtTarget(one)}, "sap-adt")
    outcome = await deployed(deploy, programs, GOOD)
    assert "does not accept the configured user and password" in outcome.content
    assert "wr0ng" not in outcome.content + caplog.text + repr(one)


@pytest.mark.parametrize(
    "url", ["http://sap.example.com:8000", "ftp://sap", "sap:44300", "https://dev:secret@sap.example.com"]
)
def test_addresses_that_would_give_the_password_away_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="the address of the SAP system"):
        AdtSettings(url=url, user="dev", password="secret")


class TestReconcile:
    async def test_a_deployment_that_arrived_is_found_whatever_the_line_ends(
        self, deploy: DeployStoredCode, programs: MemoryPrograms
    ) -> None:
        await deployed(deploy, programs, GOOD)
        outcome = await deploy.reconcile(call_of({"program": "ZFOO"}))
        assert outcome is not None
        assert (outcome.status, outcome.summary) == ("ok", "ZFOO already deployed to sap-adt")

    async def test_a_source_that_is_only_saved_is_not_deployed(
        self, sap: FakeAdt, deploy: DeployStoredCode, programs: MemoryPrograms
    ) -> None:
        sap.fault(Fault("POST", "/activation", "drop"))
        await deployed(deploy, programs, GOOD)
        assert sap.system.objects[URI].inactive is not None
        assert await deploy.reconcile(call_of({"program": "ZFOO"})) is None

    async def test_no_object_or_no_system_proves_nothing(
        self, sap: FakeAdt, deploy: DeployStoredCode, programs: MemoryPrograms
    ) -> None:
        await put(programs, GOOD)
        assert await deploy.reconcile(call_of({"program": "ZFOO"})) is None
        sap.fault(Fault("GET", "/source/main", "drop"))
        assert await deploy.reconcile(call_of({"program": "ZFOO"})) is None


class TestAgainstAbapAdtPy:
    """The fake behaves as another client expects, and what we deployed is what that client reads."""

    async def ask(self, sap: FakeAdt, what: Callable[[AdtClient], object]) -> object:
        def talk() -> object:
            client = AdtClient(sap.url, sap.system.user, sap.system.password, "001", "EN")
            client.login()
            return what(client)

        async with asyncio.timeout(PATIENCE):
            return await asyncio.to_thread(talk)

    async def test_it_reads_what_we_deployed(
        self, sap: FakeAdt, deploy: DeployStoredCode, programs: MemoryPrograms
    ) -> None:
        await deployed(deploy, programs, GOOD)
        source = await self.ask(sap, lambda client: client.get_object_source(f"{URI}/source/main"))
        assert normal_form(str(source)) == normal_form(GOOD)
        assert await self.ask(sap, lambda client: client.inactive_objects()) == []

    async def test_it_can_lock_write_and_activate_after_us(
        self, sap: FakeAdt, deploy: DeployStoredCode, programs: MemoryPrograms
    ) -> None:
        await deployed(deploy, programs, GOOD)

        def edit(client: AdtClient) -> object:
            handle = client.lock(URI)
            client.set_object_source(f"{URI}/source/main", "REPORT zfoo.\nWRITE 2.\n", handle)
            client.unlock(URI, handle)
            return client.activate("ZFOO", URI)

        assert await self.ask(sap, edit) is True
        assert await deploy.reconcile(call_of({"program": "ZFOO"})) is None

    async def test_its_whole_flow_and_its_errors_work_on_the_fake(self, sap: FakeAdt) -> None:
        def flow(client: AdtClient) -> list[str]:
            met = []
            assert client.create("PROG/P", "ZFOO", "$TMP", "demo")
            try:
                client.create("PROG/P", "ZFOO", "$TMP", "demo")
            except adt_errors.AdtError as error:
                met.append(error.sap_type)
            met.append(str(client.syntax_check(URI, f"{URI}/source/main", BROKEN)[0]["line"]))
            handle = client.lock(URI)
            client.set_object_source(f"{URI}/source/main", BROKEN, handle)
            client.unlock(URI, handle)
            for attempt in (
                lambda: client.activate("ZFOO", URI),
                lambda: client.set_object_source(f"{URI}/source/main", GOOD, "BAD"),
                lambda: client.get_object_source(f"{PROGRAMS}/znone/source/main"),
            ):
                try:
                    attempt()
                except adt_errors.AdtError as error:
                    met.append(type(error).__name__)
            return met

        assert await self.ask(sap, flow) == [
            "ExceptionResourceAlreadyExists",
            "2",
            "ActivationError",
            "InvalidLockHandleError",
            "NotFoundError",
        ]

    async def test_its_lock_keeps_us_out(
        self, sap: FakeAdt, deploy: DeployStoredCode, programs: MemoryPrograms
    ) -> None:
        await deployed(deploy, programs, GOOD)
        await self.ask(sap, lambda client: client.lock(URI))
        outcome = await deployed(deploy, programs, GOOD + "WRITE 1.\n")
        assert (outcome.status, "is currently editing ZFOO" in outcome.content) == ("error", True)


def job(source: str) -> Job:
    return Job("anna", "ZFOO", "abap", source, sha256(source.encode()).hexdigest(), "toolu_1")
