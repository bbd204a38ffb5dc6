"""ABAP without Node: what a statement parser alone can tell.

In: ABAP source. Out: statements nobody knows, errors inside known ones, and blocks that do not close. It misses a
missing period between two statements and every undefined name; ``checker`` says so to whoever reads the report.
"""

from __future__ import annotations

import abap_parser

from .findings import Finding

CHECKER = f"abap-parser {abap_parser.version()}"

_CLOSES: dict[str, tuple[str, frozenset[str]]] = {
    "EndIf": ("ENDIF", frozenset({"If"})),
    "EndLoop": ("ENDLOOP", frozenset({"Loop", "LoopAtScreen"})),
    "EndDo": ("ENDDO", frozenset({"Do"})),
    "EndWhile": ("ENDWHILE", frozenset({"While"})),
    "EndCase": ("ENDCASE", frozenset({"Case", "CaseType"})),
    "EndTry": ("ENDTRY", frozenset({"Try"})),
    "EndSelect": ("ENDSELECT", frozenset({"SelectLoop"})),
    "EndAt": ("ENDAT", frozenset({"At", "AtFirst", "AtLast"})),
    "EndOn": ("ENDON", frozenset({"OnChange"})),
    "EndForm": ("ENDFORM", frozenset({"Form"})),
    "EndMethod": ("ENDMETHOD", frozenset({"MethodImplementation"})),
    "EndFunction": ("ENDFUNCTION", frozenset({"FunctionModule"})),
    "EndModule": ("ENDMODULE", frozenset({"Module"})),
    "EndClass": ("ENDCLASS", frozenset({"ClassDefinition", "ClassImplementation"})),
    "EndInterface": ("ENDINTERFACE", frozenset({"Interface"})),
    "EndChain": ("ENDCHAIN", frozenset({"Chain"})),
    "EndProvide": ("ENDPROVIDE", frozenset({"Provide"})),
    "EndExec": ("ENDEXEC", frozenset({"ExecSQL"})),
    "EndTestSeam": ("END-TEST-SEAM", frozenset({"TestSeam"})),
    "EndOfDefinition": ("END-OF-DEFINITION", frozenset({"Define"})),
}
"""Closing statement -> how it is written, and the statements it may close; kinds are named as abaplint names them."""

_CLOSED_BY = {opener: written for written, openers in _CLOSES.values() for opener in openers}


def check(name: str, source: str) -> list[Finding]:
    """Findings in source order."""
    found: list[Finding] = []
    opened: list[tuple[str, int, int]] = []
    for statement in abap_parser.statements(source):
        kind, start = statement["kind"], statement["span"]["start"]
        line, column = start["row"], start["col"]
        if kind == "Unknown":
            text = statement["text"]
            found.append(Finding(line, column, "unknown_statement", f"not an ABAP statement: {text[:80]}"))
        elif error := statement.get("error"):
            found.append(Finding(line, column, "statement_error", error))
        if kind in _CLOSED_BY:
            opened.append((kind, line, column))
        elif kind in _CLOSES:
            found += _close(opened, kind, line, column)
    found += [Finding(line, column, "nesting", f"{_CLOSED_BY[kind]} is missing") for kind, line, column in opened]
    return found


def _close(opened: list[tuple[str, int, int]], kind: str, line: int, column: int) -> list[Finding]:
    """Take the block that ``kind`` closes off the stack; blocks left open inside it are findings."""
    written, openers = _CLOSES[kind]
    if not any(block[0] in openers for block in opened):
        return [Finding(line, column, "nesting", f"{written} closes nothing")]
    found = []
    while (block := opened.pop())[0] not in openers:
        found.append(Finding(block[1], block[2], "nesting", f"{_CLOSED_BY[block[0]]} is missing"))
    return found
