"""The subject of a message to a topic: a mail's header, so SNS takes little there.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from local.emulator.extensions import Response, Tables
from local.emulator.private_tables import pin, replace

_MODULE = "ministack.services.sns"
pin(_MODULE, _publish="callable", _error="callable", _p="callable")

# 100 characters, although the page says less: https://github.com/getmoto/moto/issues/1503
_SUBJECT = re.compile(r"[!-~][ -~]{0,99}")


def refusal(subject: str) -> str | None:
    """Why SNS refuses the subject; nothing for none at all."""
    if not subject or _SUBJECT.fullmatch(subject):
        return None
    return "Invalid parameter: Subject"


def _refused(original: Callable[[Mapping[str, Any]], Response]) -> Callable[..., Response]:
    def publish(params: Mapping[str, Any]) -> Response:
        from ministack.services import sns

        found = refusal(sns._p(params, "Subject"))
        if found is None:
            return original(params)
        answer: Response = sns._error("InvalidParameter", found, 400)
        return answer

    return publish


def attach(_tables: Tables) -> None:
    """Refuse what SNS refuses."""
    replace(_MODULE, "_publish", _refused)
