"""What an MCP tool answered, as text for the model.

In: the SDK's result. Out: text; pictures and sound are only named.
"""

from __future__ import annotations

import orjson
from mcp.types import (
    AudioContent,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)


def text_of(result: CallToolResult) -> str:
    """The blocks in order; structured content only when there are no blocks."""
    if result.content:
        return "\n".join(_block(block) for block in result.content)
    if result.structured_content is not None:
        return orjson.dumps(result.structured_content, option=orjson.OPT_INDENT_2).decode()
    return "(no content)"


def _block(block: ContentBlock) -> str:
    match block:
        case TextContent():
            return block.text
        case ImageContent() | AudioContent():
            return f"[{block.type} {block.mime_type}, {len(block.data) * 3 // 4} bytes, not shown]"
        case ResourceLink():
            return f"[resource {block.name}: {block.uri}]"
        case EmbeddedResource():
            held = block.resource
            return held.text if isinstance(held, TextResourceContents) else f"[resource {held.uri}, binary, not shown]"
