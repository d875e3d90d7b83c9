"""Start the platform's deployment: bootstrap, every stack, and what CloudFormation then knows."""

from __future__ import annotations

from local.demo.report.collect import deployed_stacks
from local.demo.story import ENVIRONMENT, Story


def bootstrap(story: Story) -> None:
    """``cdk bootstrap`` with the unmodified CLI."""
    with story.timed("cdk bootstrap"):
        story.platform.bootstrap(capture=True)


def deploy(story: Story) -> None:
    """``cdk deploy --all`` of the demo's settings, then read what was deployed."""
    with story.timed(f"cdk deploy --all -c env={ENVIRONMENT}"):
        output = story.platform.deploy(ENVIRONMENT, "--progress", "events", capture=True)
    (story.output / "cdk-deploy.log").write_text(output, encoding="utf-8")
    story.forget_deployed()
    deployed = story.deployed
    story.findings.stacks = deployed_stacks(story)
    story.say(f"{len(deployed.stacks)} stacks, {len(deployed.resources)} resources")
