"""Settings of the trails."""

from __future__ import annotations

from typing import Literal

from config.section import Section


class Audit(Section):
    """Trails beside the one on the lake's objects, which is always made.

    ``create`` makes a trail of management events with the CIS filters and alarms; ``existing``
    leaves both to the account's (or the organisation's) trail, which has them once for everybody.
    """

    management_trail: Literal["create", "existing"] = "create"
