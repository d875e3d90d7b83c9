"""Destroy what was deployed, empty what CloudFormation refuses to delete, say what is left."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from local.demo import auditor, guest, producer
from local.demo.phases.schedules import active_runs
from local.demo.report.model import Teardown
from local.demo.story import ENVIRONMENT, Story
from operations.destroy import destroy_deployment

STOP_SECONDS = 30.0
POLL_SECONDS = 0.5


def destroy(story: Story) -> None:
    """``make destroy DELETE_DATA=yes`` against the platform, by the project's own command."""
    stacks = list(story.deployed.stacks)
    story.findings.teardown = Teardown(left=[], destroyed=[], complete=False)
    stop_what_runs(story)
    auditor.remove(story.platform)
    guest.remove(story.platform, producer.ROLE)
    with client_environment(story), story.timed("cdk destroy, buckets emptied first"):
        log = story.output / "cdk-destroy.log"
        outcome = destroy_deployment(ENVIRONMENT, delete_data=True, log=log, synthesised=True)
    left = [f"stack {name}" for name in outcome.stacks_left]
    left += [f"{item.type} {item.physical_id}: {item.state}" for item in outcome.left]
    gone = [name for name in stacks if name not in outcome.stacks_left]
    story.findings.teardown = Teardown(left=left, destroyed=gone, complete=True)
    story.say(f"{len(gone)} stacks destroyed; {len(left)} resources left")
    for item in left:
        story.say(f"  {item}")


def stop_what_runs(story: Story) -> None:
    """Stop executions and Glue runs that an interrupted story left: they would go on writing."""
    stepfunctions, glue = story.client("stepfunctions"), story.client("glue")
    for machine in story.deployed.of_type("AWS::StepFunctions::StateMachine"):
        running = stepfunctions.list_executions(
            stateMachineArn=machine.physical_id, statusFilter="RUNNING"
        )["executions"]
        for execution in running:
            stepfunctions.stop_execution(
                executionArn=execution["executionArn"], error="Teardown", cause="torn down"
            )
    deadline = time.monotonic() + STOP_SECONDS
    jobs = [job.physical_id for job in story.deployed.of_type("AWS::Glue::Job")]
    while active := [(job, run) for job in jobs for run in active_runs(glue, job)]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"Glue runs do not stop: {active}")
        for job, run in active:
            glue.batch_stop_job_run(JobName=job, JobRunIds=[run])
        time.sleep(POLL_SECONDS)


@contextmanager
def client_environment(story: Story) -> Iterator[None]:
    """The platform's variables in this process, for code that reads the standard AWS ones.

    With the break-glass role, as on AWS: nobody else may empty a bucket from outside its network.
    """
    before = dict(os.environ)
    os.environ.update(story.platform.environment() | story.platform.break_glass())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
