"""The deployment that checks look at, and how they call its API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import boto3
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from config.load import Deployment
from core import names
from operations.deployed import Deployed


class CheckFailedError(AssertionError):
    """A claim does not hold; the message says what was seen."""


@dataclass(frozen=True)
class Subject:
    """The deployment under test and how long its buffered steps may take."""

    deployment: Deployment
    session: boto3.Session
    api_url: str
    ca_bundle: str | bool = True
    patience_seconds: float = 900.0

    @cached_property
    def scope(self) -> names.Scope:
        """Scope of names."""
        return self.deployment.settings.scope

    @cached_property
    def deployed(self) -> Deployed:
        """Physical names."""
        return Deployed.read(self.session.client("cloudformation"), self.scope)

    def call_api(
        self,
        method: str,
        route: str,
        body: str | None,
        *,
        signed: bool = True,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """One request to the model's part of the API, signed with the session's credentials."""
        url = self.api_url.rstrip("/") + self.scope.route(route)
        sent = dict(headers or {})
        if body is not None:
            sent["Content-Type"] = content_type
        request = AWSRequest(method=method, url=url, data=body, headers=sent)
        if signed:
            credentials = self.session.get_credentials()
            if credentials is None:
                raise CheckFailedError("no AWS credentials to sign with")
            SigV4Auth(credentials, "execute-api", self.session.region_name).add_auth(request)
        return requests.request(
            method, url, data=body, headers=dict(request.headers), verify=self.ca_bundle, timeout=60
        )
