"""A loopback archive: every service speaks its real protocol, on 127.0.0.1 only."""
