"""Certificates for every test of the check."""

from pathlib import Path

import pytest

from tests.check.kit import Certificates


@pytest.fixture
def certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificates:
    """Certificates whose authority this machine trusts, as OpenSSL lets the environment say."""
    folder = tmp_path / "certificates"
    folder.mkdir()
    made = Certificates(folder)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.authority))
    return made
