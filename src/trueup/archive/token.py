"""The token that opens proprietary data: from a setting, or from the netrc file."""

from __future__ import annotations

import netrc
import re
from pathlib import Path
from urllib.parse import urlsplit

from trueup.config import Mast
from trueup.errors import UsageError

HOW_TO = "set a token with --token, TRUEUP_MAST_TOKEN, [mast] token, or as password in the netrc file"
# answers that a token may change
FORBIDDEN = frozenset({401, 403})
# what the header of a request may hold; the library that refuses others would print them
_TOKEN = re.compile(r"[!-~]+")


def find_token(mast: Mast) -> str:
    """The token for an archive; empty where there is none.

    Parameters
    ----------
    mast : Mast

    Returns
    -------
    str

    Raises
    ------
    UsageError
        Where the netrc file cannot be understood, or what is given cannot be a token.

    Examples
    --------
    >>> find_token(Mast(netrc="nowhere", token="")), len(find_token(Mast(token="secret")))
    ('', 6)
    """
    token = mast.token or _of_netrc(Path(mast.netrc).expanduser(), urlsplit(mast.url).hostname)
    if token and not _TOKEN.fullmatch(token):
        raise UsageError("the token has characters that no token has", todo=HOW_TO)
    return token


def _of_netrc(path: Path, host: str | None) -> str:
    if host is None or not path.is_file():
        return ""
    try:
        hosts = netrc.netrc(path).hosts
    except (netrc.NetrcParseError, OSError, UnicodeDecodeError) as error:
        # the message of the parser may hold a password
        raise UsageError("cannot be understood as a netrc file", file=path) from error
    # not the default entry: it is no token of this host
    return hosts[host][2] or "" if host in hosts else ""
