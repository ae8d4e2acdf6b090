"""Brokers with encryption: what a person may write, and what is told when it cannot work."""

import shutil
import ssl
import subprocess

import pytest

from agent.config import check, load
from agent.core.errors import ConfigError


def certify(folder, name, *more):
    """A key and a certificate that signs itself."""
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    place = ["-subj", f"/CN={name}", "-keyout", key, "-out", cert, *more]
    subprocess.run(["openssl", "req", "-x509", *kind, *place], check=True, capture_output=True)
    return cert, key


needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")


def test_tls_moves_the_port_and_true_is_enough(write):
    plain = load(write()).brokers["local"]
    assert (plain.port, plain.tls, plain.version) == (1883, None, "3.1.1")
    short = load(write(("127.0.0.1}", "127.0.0.1, tls: true, version: 5}"))).brokers["local"]
    assert (short.port, short.version) == (8883, "5")
    assert short.tls.context().check_hostname and short.tls.context().verify_mode == ssl.CERT_REQUIRED
    own = load(write(("127.0.0.1}", "127.0.0.1, port: 443, tls: {verify_host: false}}"))).brokers["local"]
    assert (own.port, own.tls.context().check_hostname) == (443, False)
    assert own.tls.context().verify_mode == ssl.CERT_REQUIRED, "another host, but never another CA"


@pytest.mark.parametrize(
    ("told", "key", "wanted"),
    [
        ("version: 4", "brokers.local.version", "one of 3.1.1, 5"),
        ("tls: {key_file: k}", "brokers.local.tls.key_file", "the certificate of this key"),
        ("tls: {ca: x}", "brokers.local.tls.ca", "ca_file, cert_file, key_file, verify_host"),
        ("tls: maybe", "brokers.local.tls", "a mapping"),
        ("host: 10.0.0.9", "brokers.local.host", "tls with our cert_file"),
    ],
)
def test_a_mistake_is_told_at_its_key(write, told, key, wanted):
    host = "" if told.startswith("host") else "host: 127.0.0.1, "
    problems = check(write(("host: 127.0.0.1}", f"{host}{told}}}"))).problems
    assert [problem.key for problem in problems] == [key]
    assert wanted in problems[0].wanted or wanted in str(problems[0])


def test_files_that_are_not_there_or_no_certificates_are_told(write):
    path = write(("127.0.0.1}", "127.0.0.1, tls: {ca_file: ca.pem}}"))
    [problem] = check(path).problems
    assert problem.key == "brokers.local.tls.ca_file" and problem.line == 4
    with pytest.raises(ConfigError, match=r"tls\.ca_file: found no such file"):
        load(path).brokers["local"].tls.context()
    (path.parent / "ca.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match=r"ca\.pem:0: tls\.ca_file: .* wanted certificates in PEM"):
        load(path).brokers["local"].tls.context()


@needs_openssl
def test_our_own_certificate_must_fit_its_key(write):
    path = write(("127.0.0.1}", "10.0.0.9, tls: {ca_file: a.pem, cert_file: a.pem, key_file: a.key}}"))
    certify(path.parent, "a")
    (path.parent / "a.key").chmod(0o644)
    report = check(path)
    assert report.problems == []
    assert any("tls.key_file" in note and "chmod 600" in note for note in report.notes)
    load(path).brokers["local"].tls.context()
    certify(path.parent, "b")
    (path.parent / "b.key").rename(path.parent / "a.key")
    with pytest.raises(ConfigError, match="key values mismatch"):
        load(path).brokers["local"].tls.context()


def test_what_goes_in_clear_over_a_network_is_noted(write):
    far = "10.0.0.9, username: me, password_env: HOME"
    assert any("in clear text" in note for note in check(write(("127.0.0.1}", far + "}"))).notes)
    assert not any("in clear text" in note for note in check(write(("127.0.0.1}", far + ", tls: true}"))).notes)
