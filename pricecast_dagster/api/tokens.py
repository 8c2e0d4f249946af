"""Tokens: who may ask, known by the SHA-256 of a bearer token and nothing else of it.

Belongs here: reading tokens from settings and file, comparing them, a browser's session. Not here: which addresses need one
(`guard`).
"""

import hmac
import re
import secrets
from hashlib import sha256
from pathlib import Path
from typing import Final

from pricecast_dagster.errors import SettingsError
from pricecast_dagster.settings import Settings

SHORTEST: Final = 16
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class Tokens:
    """The digests of the tokens in force; sessions are valid as long as this process lives."""

    def __init__(self, digests: frozenset[bytes]) -> None:
        self._digests = digests
        self._secret = secrets.token_bytes(32)

    @property
    def needed(self) -> bool:
        """Whether a token is needed at all."""
        return bool(self._digests)

    def accepts(self, token: bytes) -> bool:
        """Whether it is one of the tokens; takes as long for a wrong one as for a right one."""
        return self._is_known(sha256(token).digest())

    def session(self, token: bytes) -> str:
        """What a browser keeps after a login: says nothing about the token, and cannot be made without this process."""
        return self._signed(sha256(token).digest())

    def accepts_session(self, session: str) -> bool:
        """Whether it is a session of one of the tokens."""
        given = session.encode("utf-8", "replace")
        # A sum and not any(): all are compared, whichever is right.
        return sum(hmac.compare_digest(self._signed(digest).encode(), given) for digest in self._digests) > 0

    def _is_known(self, digest: bytes) -> bool:
        return sum(hmac.compare_digest(known, digest) for known in self._digests) > 0

    def _signed(self, digest: bytes) -> str:
        return hmac.new(self._secret, digest, sha256).hexdigest()


def load_tokens(settings: Settings) -> Tokens:
    """The tokens of PRICECAST_API_TOKENS and of the file PRICECAST_API_TOKENS_FILE.

    Raises:
        SettingsError: a token is too short to be safe, or the file cannot be read or has something else in it than digests.
    """
    digests = set()
    for token in settings.api_tokens:
        plain = token.get_secret_value()
        if len(plain) < SHORTEST:
            raise SettingsError(
                f"A token of PRICECAST_API_TOKENS has {len(plain)} characters; it needs {SHORTEST}.",
                remedy="Make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'.",
            )
        digests.add(sha256(plain.encode()).digest())
    if settings.api_tokens_file:
        digests |= _digests_of(Path(settings.api_tokens_file))
    return Tokens(frozenset(digests))


def _digests_of(file: Path) -> set[bytes]:
    try:
        lines = file.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"PRICECAST_API_TOKENS_FILE {file} cannot be read: {error}.") from error
    digests = set()
    for number, line in enumerate(lines, start=1):
        digest = line.partition("#")[0].split()
        if not digest:
            continue
        if not _DIGEST.fullmatch(digest[0]):
            # The line itself is not told: it may be a token.
            raise SettingsError(
                f"PRICECAST_API_TOKENS_FILE {file}, line {number} is no SHA-256.",
                remedy="One a line, 64 hexadecimal characters: printf %s TOKEN | sha256sum.",
            )
        digests.add(bytes.fromhex(digest[0]))
    if not digests:
        raise SettingsError(f"PRICECAST_API_TOKENS_FILE {file} has no token in it.")
    return digests
