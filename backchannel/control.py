"""The command line's client of the running server: one request, with the token of its data folder."""

import ssl
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

import msgspec

from backchannel.config import Config
from backchannel.errors import UserError
from backchannel.secret_files import SecretStore
from backchannel.sequencer.desk import Outcome
from backchannel.web.rulings import PATH, RulingRequest

TIMEOUT_S = 15.0
MAX_ANSWER = 64 * 1024


class ServerTrouble(Exception):
    """The server was reached and could not do it."""


def say(word: RulingRequest, config: Config, *, url: str = "") -> Outcome:
    """Ask the server of this config. `url` is where it is, when it was started with another host or port.

    Raises UserError when there is no server, or it refuses the word; ServerTrouble when it is in trouble.
    """
    token = SecretStore.read(config.server.data).control_token
    address = url or _address(config)
    status, body = _post(address, token, msgspec.json.encode(word), _trust(config))
    answer = _answer(body, status)
    if status >= 500:
        raise ServerTrouble(answer.message)
    if status == 401:
        raise UserError(f"{address} does not take the token of {config.server.data}: is it another server's?")
    if status >= 400:
        raise UserError(answer.message)
    return answer


def _address(config: Config) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(config.server.host, config.server.host)  # noqa: S104
    scheme = "https" if config.server.tls else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{config.server.port}"


def _trust(config: Config) -> ssl.SSLContext:
    """On this machine the server's own certificate is proof enough, whatever name it carries."""
    context = ssl.create_default_context()
    if config.server.tls:
        try:
            context = ssl.create_default_context(cafile=str(config.server.tls.cert))
        except OSError as error:  # that it is no certificate is one, too
            raise UserError(f"server.tls.cert {config.server.tls.cert}: {error}") from None
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.check_hostname = False
    return context


def _post(address: str, token: str, body: bytes, trust: ssl.SSLContext) -> tuple[int, bytes]:
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UserError(f"--url {address}: should look like http://127.0.0.1:8080")
    connection = (
        HTTPSConnection(parts.hostname, parts.port, timeout=TIMEOUT_S, context=trust)
        if parts.scheme == "https"
        else HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_S)
    )
    try:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request("POST", PATH, body, headers)
        response = connection.getresponse()
        return response.status, response.read(MAX_ANSWER)
    except (OSError, HTTPException) as error:
        raise UserError(
            f"no server answers at {address} ({error}); start it with: backchannel serve"
        ) from None
    finally:
        connection.close()


def _answer(body: bytes, status: int) -> Outcome:
    try:
        return msgspec.json.decode(body, type=Outcome)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Outcome(f"the server answered {status}, and nothing that can be read")
