"""A server for each test."""

import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backchannel.hub.gate import tls_context
from tests.kit.front import Front, serve


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Front]:
    async with serve(tmp_path) as server:
        yield server


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ),
            *("-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


@pytest.fixture
def trust(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    """What a client trusts that knows our certificate."""
    return ssl.create_default_context(cafile=certificate[0])


@pytest.fixture
async def tls_served(tmp_path: Path, certificate: tuple[Path, Path]) -> AsyncIterator[Front]:
    async with serve(tmp_path, tls=tls_context(*certificate)) as server:
        yield server
