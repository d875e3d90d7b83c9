"""The errors of the SageMaker service, as its API names them.

Callers tell failures apart by code (``ValidationException`` also stands for "not found" on
AWS), so each raise site says code and message; HTTP status follows from the code.
"""

from __future__ import annotations


class ServiceError(Exception):
    """A request that the service refuses: ``code`` for programs, ``message`` for people."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def validation(message: str) -> ServiceError:
    """The request breaks a rule; nothing was changed."""
    return ServiceError("ValidationException", message)


def in_use(message: str) -> ServiceError:
    """Another resource already has this name."""
    return ServiceError("ResourceInUse", message)


def not_found(kind: str, identifier: str) -> ServiceError:
    """SageMaker answers most look-ups of unknown names with a ValidationException."""
    return ServiceError("ValidationException", f'Could not find {kind} "{identifier}".')


def missing(message: str) -> ServiceError:
    """The newer operations (jobs) answer unknown names with ResourceNotFound."""
    return ServiceError("ResourceNotFound", message)


def access_denied(message: str) -> ServiceError:
    """The caller's policies do not allow a permission the operation needs besides its own."""
    return ServiceError("AccessDeniedException", message, 403)


def not_local(operation: str) -> ServiceError:
    """An operation of AWS that this platform does not run; it never pretends to."""
    return validation(f"{operation} is not in the local platform.")
