"""Destroy what was deployed, empty what CloudFormation refuses to delete, say what is left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from local.demo import auditor
from local.demo.report.model import Teardown
from local.demo.story import ENVIRONMENT, Story
from operations.destroy import destroy_deployment


def destroy(story: Story) -> None:
    """``make destroy DELETE_DATA=yes`` against the platform, by the project's own command."""
    stacks = list(story.deployed.stacks)
    story.findings.teardown = Teardown(left=[], destroyed=[], complete=False)
    auditor.remove(story.platform)
    with client_environment(story), story.timed("cdk destroy, buckets emptied first"):
        log = story.output / "cdk-destroy.log"
        outcome = destroy_deployment(ENVIRONMENT, delete_data=True, log=log)
    left = [f"stack {name}" for name in outcome.stacks_left]
    left += [f"{item.type} {item.physical_id}: {item.state}" for item in outcome.left]
    gone = [name for name in stacks if name not in outcome.stacks_left]
    story.findings.teardown = Teardown(left=left, destroyed=gone, complete=True)
    story.say(f"{len(gone)} stacks destroyed; {len(left)} resources left")
    for item in left:
        story.say(f"  {item}")


@contextmanager
def client_environment(story: Story) -> Iterator[None]:
    """The platform's variables in this process, for code that reads the standard AWS ones."""
    before = dict(os.environ)
    os.environ.update(story.platform.environment())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
