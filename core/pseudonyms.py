"""The key of the pseudonyms.

KMS holds an HMAC key whose material nobody can read, administrators included. The transform, the
router and the curate job derive the same key from it, as the MAC of one constant label, and apply
that to each record themselves: one call to KMS instead of one for each value.
"""

from __future__ import annotations

from typing import Any, Final

MAC_ALGORITHM: Final = "HMAC_SHA_256"
# Another label would give every value another pseudonym: docs/adr/0021.
LABEL: Final = b"millrace/pseudonym/v1"


def derived_key(client: Any, key_arn: str) -> bytes:
    """32 bytes: the MAC of the label under the HMAC key.

    Raises:
        botocore.exceptions.ClientError: the key can't be used.
    """
    answer = client.generate_mac(KeyId=key_arn, MacAlgorithm=MAC_ALGORITHM, Message=LABEL)
    return bytes(answer["Mac"])
