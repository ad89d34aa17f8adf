"""An identity provider for tests: client credentials in, signed tokens out, keys to check them with (OIDC)."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

__all__ = ["TokenServer"]


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(number: int) -> str:
    return _text(number.to_bytes((number.bit_length() + 7) // 8, "big"))


class TokenServer:
    """Answers on a port of 127.0.0.1 until it is stopped.

    Args:
        clients: secret of each client; a client's name becomes the principal.
        audience: for whom the tokens are.
        identity: a PEM file with the key and certificate of the server.
    """

    def __init__(self, clients: dict[str, str], audience: str, identity: Path) -> None:
        self._clients = clients
        self._audience = audience
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(200, owner._keys())

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                token = owner._token(self.headers.get("Authorization", ""))
                if token is None:
                    self._answer(401, {"error": "invalid_client", "error_description": "unknown client or secret"})
                else:
                    self._answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": 600})

            def _answer(self, status: int, body: dict[str, Any]) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        url = f"https://127.0.0.1:{self._server.server_port}"
        self.token_url, self.keys_url = f"{url}/token", f"{url}/keys"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Give up the port."""
        self._server.shutdown()
        self._server.server_close()

    def _keys(self) -> dict[str, Any]:
        numbers = self._key.public_key().public_numbers()
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "1", "n": _number(numbers.n), "e": _number(numbers.e)}
        return {"keys": [key]}

    def _token(self, authorization: str) -> str | None:
        kind, _, encoded = authorization.partition(" ")
        client, _, secret = base64.b64decode(encoded).decode().partition(":") if kind == "Basic" else ("", "", "")
        if not client or self._clients.get(client) != secret:
            return None
        now = int(time.time())
        claims = {"sub": client, "aud": self._audience, "iat": now, "exp": now + 600, "scope": "kafka", "iss": "tests"}
        parts = ({"alg": "RS256", "typ": "JWT", "kid": "1"}, claims)
        signed = ".".join(_text(json.dumps(part).encode()) for part in parts)
        return f"{signed}.{_text(self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"
