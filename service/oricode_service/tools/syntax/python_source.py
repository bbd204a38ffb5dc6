"""Python by its own compiler. In: source text. Out: the first syntax error, and the compiler's warnings."""

from __future__ import annotations

import platform
import warnings

from .findings import Finding

CHECKER = "Python " + ".".join(platform.python_version_tuple()[:2])


def check(name: str, source: str) -> list[Finding]:
    """Compile without running. The compiler stops at its first error."""
    found: list[Finding] = []
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            compile(source, name, "exec", dont_inherit=True)
        except SyntaxError as error:
            rule = type(error).__name__
            found.append(Finding(error.lineno or 1, max(error.offset or 1, 1), rule, error.msg))
        except ValueError as error:
            found.append(Finding(1, 1, "ValueError", str(error)))
        except (RecursionError, MemoryError):
            found.append(Finding(1, 1, "too_complex", "the code is nested too deeply to be compiled"))
    found += [Finding(w.lineno, 1, w.category.__name__, str(w.message), "warning") for w in warned]
    return found
