"""Puts off a grammar that jsonschema loads: of internationalised addresses, for one format.

Building it takes a second, longer than all else that an emulator or a test worker imports; hardly
a schema asks for the format. To be called before the first import of jsonschema.
"""

from __future__ import annotations

import importlib
import sys
from functools import cache
from types import ModuleType
from typing import Any

_NAME = "rfc3987_syntax"


@cache
def _grammar() -> Any:
    sys.modules.pop(_NAME, None)
    return importlib.import_module(_NAME)


def _is_valid_syntax(term: str, value: str) -> bool:
    return bool(_grammar().is_valid_syntax(term, value))


def put_off() -> None:
    """Have the grammar built when an address is first held against it."""
    if _NAME not in sys.modules:
        stand_in = ModuleType(_NAME)
        setattr(stand_in, "is_valid_syntax", _is_valid_syntax)  # noqa: B010 - no module has it
        sys.modules[_NAME] = stand_in
