"""Forms of texts in the settings of replication, and what they mean."""

from __future__ import annotations

from typing import Final

KEY_ARN: Final = r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[a-zA-Z0-9_-]+$"
BUCKET_PREFIX: Final = r"^[a-z0-9][a-z0-9.-]{2,50}$"

FORMS: Final = {
    KEY_ARN: "the ARN of a KMS key, arn:aws:kms:<region>:<account>:key/<id>; no alias",
    BUCKET_PREFIX: "3 to 51 lower-case letters, digits, periods and hyphens, a letter or digit "
    "first",
}
