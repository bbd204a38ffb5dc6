"""The terminal: ``oricode chat``, ``tail``, ``demo`` and ``doctor``, as click commands for the service's CLI to mount.

Needs the extra ``terminal`` (rich, click). The commands know a service only through this package's client.
"""

from .chat import chat
from .demo import demo
from .doctor import doctor
from .tail import tail

__all__ = ["chat", "demo", "doctor", "tail"]
