"""The token that opens proprietary data: from a setting, or from the netrc file."""

from __future__ import annotations

import netrc
from pathlib import Path
from urllib.parse import urlsplit

from trueup.config import Mast
from trueup.errors import UsageError

HOW_TO = "set a token with --token, TRUEUP_MAST_TOKEN, [mast] token, or as password in the netrc file"


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
        Where the netrc file cannot be understood.

    Examples
    --------
    >>> find_token(Mast(netrc="nowhere", token="")), len(find_token(Mast(token="secret")))
    ('', 6)
    """
    if mast.token:
        return mast.token
    path = Path(mast.netrc).expanduser()
    host = urlsplit(mast.url).hostname
    if host is None or not path.is_file():
        return ""
    try:
        hosts = netrc.netrc(path).hosts
    except (netrc.NetrcParseError, OSError, UnicodeDecodeError) as error:
        # the message of the parser may hold a password
        raise UsageError("cannot be understood as a netrc file", file=path) from error
    # not the default entry: it is no token of this host
    return hosts[host][2] or "" if host in hosts else ""
