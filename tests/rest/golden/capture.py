"""Send the REST script of ``script.json`` to a standalone worker and write down what it answers.

``python capture.py http://HOST:PORT FOLDER > exchanges.json``. FOLDER holds the file that the source of the script
reads; it appears as ``${DIR}`` in what is written, the worker's address as ``${WORKER}``.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

KEPT = ("location", "content-type", "allow", "www-authenticate")
LIMIT_SECONDS = 30.0


def ask(address: str, step: dict[str, Any], folder: str) -> dict[str, Any]:
    """Send one request of the script; the answer as status, headers that matter, body as text."""
    body = step.get("body")
    if body is not None and not isinstance(body, str):
        body = json.dumps(body)
    headers = dict(step.get("headers", {}))
    if body is not None and "Content-Type" not in headers and not step.get("untyped"):
        headers["Content-Type"] = "application/json"
    connection = http.client.HTTPConnection(address, timeout=60)
    try:
        connection.putrequest(step["method"], step["path"], skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        data = None if body is None else body.replace("${DIR}", folder).encode()
        if data is not None or step["method"] in {"POST", "PUT", "PATCH"}:
            connection.putheader("Content-Length", str(len(data or b"")))
        connection.endheaders(data)
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        kept = {name.lower(): value for name, value in answer.getheaders() if name.lower() in KEPT}
        return {"status": answer.status, "headers": kept, "body": text}
    finally:
        connection.close()


def run(url: str, folder: str, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Send every request in order; a step with ``until`` is repeated until its text appears in the answer."""
    address = urlsplit(url).netloc
    exchanges = []
    for step in steps:
        deadline = time.monotonic() + LIMIT_SECONDS
        answer = ask(address, step, folder)
        while "until" in step and step["until"] not in answer["body"] and time.monotonic() < deadline:
            time.sleep(0.1)
            answer = ask(address, step, folder)
        plain = json.dumps(answer).replace(address, "${WORKER}").replace(folder, "${DIR}")
        exchanges.append({"step": step["name"], **json.loads(plain)})
    return exchanges


def main() -> int:
    """Command line: address and folder; the exchanges go to standard output."""
    url, folder = sys.argv[1:3]
    steps = json.loads((Path(__file__).parent / "script.json").read_text())
    (Path(folder) / "in.txt").write_text("one\ntwo\nthree\n")
    json.dump(run(url, folder, steps), sys.stdout, indent=1, ensure_ascii=False)
    sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
