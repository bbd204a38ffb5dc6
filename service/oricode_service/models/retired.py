"""Model names that Anthropic has retired, or will on a known day.

Old clients go on sending them; the router answers with the effective default instead. In: a name and a day. Out: yes or
no. Source: the SDK's table of deprecated models and, for names older than that, Anthropic's deprecation page.
"""

from __future__ import annotations

import re
from datetime import date

_RETIREMENTS = (
    (r"claude-(?:1|2|instant)(?:[.-].*)?", date(2025, 7, 21)),
    (r"claude-3-(?!5-|7-).*", date(2026, 1, 5)),  # Claude 3 Opus; Sonnet and Haiku went before
    (r"claude-3-[57]-.*", date(2026, 2, 19)),
    (r"claude-(?:opus|sonnet)-4(?:-0|[-@]20250514.*)?", date(2026, 6, 15)),
    (r"claude-4-(?:opus|sonnet)-20250514", date(2026, 6, 15)),
    (r"claude-mythos-preview", date(2026, 6, 30)),
    (r"claude-sonnet-4-5(?:-20250929)?", date(2026, 11, 30)),
)
_TABLE = tuple((re.compile(rf"(?:{pattern})\Z"), day) for pattern, day in _RETIREMENTS)


def is_retired(name: str, on: date) -> bool:
    """Whether the model called ``name`` no longer answers on that day."""
    return any(day <= on and pattern.match(name) for pattern, day in _TABLE)
