"""Encryption of a link: whom we believe, and how we show who we are."""

from __future__ import annotations

import ssl
from pathlib import Path

from agent.config.base import Section, Yes
from agent.core.errors import ConfigError, Problem

FILES = ("ca_file", "cert_file", "key_file")


class Tls(Section):
    """Certificates are files in PEM, and a key has no passphrase: it is kept by its file's rights."""

    ca_file: Path | None = None
    """Who signed the other side's certificate; left out, those whom the system believes."""
    cert_file: Path | None = None
    """Our own certificate, for those who ask for one."""
    key_file: Path | None = None
    verify_host: Yes = True
    """False: any certificate that the CA signed will do, whichever host it names."""

    def context(self) -> ssl.SSLContext:
        """Read anew for each connection, so that a renewed certificate is used. Raises ConfigError."""
        context = _trusting(self.ca_file)
        context.check_hostname = self.verify_host
        if self.cert_file is not None:
            _show(context, self.cert_file, self.key_file)
        return context


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)  # None: those whom the system believes.
    except (OSError, ValueError) as fault:
        where = ca_file or Path("the system's certificates")
        wanted = "certificates in PEM that the agent can read"
        raise ConfigError([_problem(where, "ca_file", fault, wanted)]) from None


def _show(context: ssl.SSLContext, cert_file: Path, key_file: Path | None) -> None:
    try:
        # An empty passphrase: without one OpenSSL would ask for it on the terminal.
        context.load_cert_chain(cert_file, key_file, password="")
    except (OSError, ValueError) as fault:
        wanted = "a certificate and its key without a passphrase, both in PEM, that the agent can read"
        where = next((path for path in (cert_file, key_file) if path is not None and not path.exists()), cert_file)
        raise ConfigError([_problem(where, "cert_file", fault, wanted)]) from None


def _problem(file: Path, key: str, fault: Exception, wanted: str) -> Problem:
    found = getattr(fault, "reason", None) or getattr(fault, "strerror", None) or type(fault).__name__
    return Problem(file=str(file), line=0, key=f"tls.{key}", found=str(found).lower().replace("_", " "), wanted=wanted)
