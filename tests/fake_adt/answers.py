"""The XML of the answers. In: plain values. Out: text as SAP sends it."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from fake_adt.system import AbapObject, Complaint

ADT = "http://www.sap.com/adt/core"
CHECKS = "http://www.sap.com/adt/checkrun"
HEAD = '<?xml version="1.0" encoding="utf-8"?>'


def exception(kind: str, message: str) -> str:
    return (
        f'{HEAD}<exc:exception xmlns:exc="http://www.sap.com/abapxml/types/communicationframework">'
        f'<namespace id="com.sap.adt"/><type id={quoteattr(kind)}/><message lang="EN">{escape(message)}</message>'
        f'<localizedMessage lang="EN">{escape(message)}</localizedMessage><properties/></exc:exception>'
    )


def lock(handle: str) -> str:
    return (
        f'{HEAD}<asx:abap xmlns:asx="http://www.sap.com/abapxml" version="1.0"><asx:values><DATA>'
        f"<LOCK_HANDLE>{handle}</LOCK_HANDLE><CORRNR/><CORRUSER/><CORRTEXT/><IS_LOCAL>X</IS_LOCAL><IS_LINK_UP/>"
        f"<MODIFICATION_SUPPORT>NoModification</MODIFICATION_SUPPORT></DATA></asx:values></asx:abap>"
    )


def check_reports(uri: str, complaints: Iterable[tuple[str, Complaint]]) -> str:
    messages = "".join(
        f'<chkrun:checkMessage chkrun:uri="{artifact}#start={c.line},{c.column}" chkrun:type="E" '
        f'chkrun:shortText={quoteattr(c.text)} chkrun:category="S"/>'
        for artifact, c in complaints
    )
    return (
        f'{HEAD}<chkrun:checkRunReports xmlns:chkrun="{CHECKS}"><chkrun:checkReport chkrun:reporter="abapCheckRun" '
        f'chkrun:triggeringUri="{uri}" chkrun:status="processed" chkrun:statusText="checked">'
        f"<chkrun:checkMessageList>{messages}</chkrun:checkMessageList></chkrun:checkReport></chkrun:checkRunReports>"
    )


def activation(uri: str, found: AbapObject, complaints: list[Complaint], warning: str) -> str:
    executed = "false" if complaints else "true"
    messages = [("E", c.line, c.column, c.text) for c in complaints]
    if warning:
        messages.append(("W", 1, 0, warning))
    listed = "".join(
        f'<msg objDescr="{found.type} {found.name}" type="{kind}" line="1" '
        f'href="{uri}/source/main#start={line},{column}" forceSupported="true">'
        f"<shortText><txt>{escape(text)}</txt></shortText></msg>"
        for kind, line, column, text in messages
    )
    return (
        f'{HEAD}<chkl:messages xmlns:chkl="http://www.sap.com/abapxml/checklist"><chkl:properties '
        f'checkExecuted="true" activationExecuted="{executed}" generationExecuted="{executed}"/>'
        f"{listed}</chkl:messages>"
    )


def inactive_objects(objects: dict[str, AbapObject]) -> str:
    entries = "".join(
        f'<ioc:entry><ioc:object ioc:user="DEV" ioc:deleted="false"><ioc:ref adtcore:uri="{uri}" '
        f'adtcore:type="{found.type}" adtcore:name="{found.name}"/></ioc:object><ioc:transport/></ioc:entry>'
        for uri, found in objects.items()
        if found.inactive is not None
    )
    return (
        f'{HEAD}<ioc:inactiveObjects xmlns:ioc="http://www.sap.com/abapxml/inactiveCtsObjects" '
        f'xmlns:adtcore="{ADT}">{entries}</ioc:inactiveObjects>'
    )
