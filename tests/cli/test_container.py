"""What a container runs, as a process: variables and mounted files become a worker that answers."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkspan.cli.container import _listeners, _mounted
from linkspan.config import properties
from linkspan.config.definition import load
from linkspan.config.suggestions import unknown_keys
from linkspan.config.variables import worker_settings
from linkspan.config.worker import PREFIXES, DistributedConfig, StandaloneConfig

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
COMMAND = [sys.executable, "-m", "linkspan.cli.container"]
JSON = "org.apache.kafka.connect.json.JsonConverter"
DEADLINE = 60.0


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """As bare as in an image: no home, no user name."""
    paths = [str(ROOT / "runtime"), str(ROOT / "connectors")]
    (tmp_path / "tmp").mkdir()
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(paths),
        "TMPDIR": str(tmp_path / "tmp"),
        "KAFKA_HOME": str(tmp_path / "kafka"),
    }


@pytest.fixture
def standalone(environment: dict[str, str], port: int) -> dict[str, str]:
    return {
        **environment,
        "CONNECT_KEY_CONVERTER": JSON,
        "CONNECT_VALUE_CONVERTER": JSON,
        "CONNECT_LISTENERS": f"http://127.0.0.1:{port}",
    }


def ended(environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Status and messages of a container that ends by itself."""
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=DEADLINE, check=False, env=environment
    )
    return done.returncode, done.stderr


class Container:
    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process = process
        self.output = output

    @property
    def text(self) -> str:
        return self.output.read_text()

    def wait_until(self, condition) -> None:
        end = time.monotonic() + DEADLINE
        while not condition():
            assert self.process.poll() is None, self.text
            assert time.monotonic() < end, self.text
            time.sleep(0.02)

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(DEADLINE)


@pytest.fixture
def start(tmp_path: Path) -> Iterator:
    started: list[Container] = []

    def begin(environment: dict[str, str], *command: str) -> Container:
        output = tmp_path / "output"
        with output.open("wb") as written:
            process = subprocess.Popen(command, env=environment, stdout=written, stderr=subprocess.STDOUT, cwd="/")
        started.append(Container(process, output))
        return started[-1]

    yield begin
    for container in started:
        if container.process.poll() is None:
            container.process.kill()
            container.process.wait()


def healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def test_variables_become_a_worker_that_answers(start, standalone, port, tmp_path):
    container = start(standalone, *COMMAND, "standalone")
    container.wait_until(lambda: healthy(port))
    file = tmp_path / "tmp" / "linkspan" / "worker.properties"
    state = tmp_path / "tmp" / "linkspan"
    assert properties.load(file) == {
        "key.converter": JSON,
        "value.converter": JSON,
        "listeners": f"http://127.0.0.1:{port}",
        "linkspan.data.dir": f"{state}/data",
        "offset.storage.file.filename": f"{state}/connect.offsets",
    }
    assert state.stat().st_mode & 0o777 == 0o700
    assert ended(standalone, "health") == (0, "")
    assert container.stop() == 0
    status, message = ended(standalone, "health")
    assert status == 1
    assert message.startswith("linkspan-container: the worker does not answer: ")


def test_any_user_can_run_it_and_only_tmp_is_written_to(start, standalone, port):
    isolate = ["unshare", "--mount", "sh", "-ec"]
    if os.geteuid() != 0 or not (shutil.which("setpriv") and shutil.which("unshare")):
        pytest.skip("needs root, unshare and setpriv, to make a read-only root")
    if subprocess.run([*isolate, "mount -t tmpfs none /mnt"], check=False, capture_output=True).returncode:
        pytest.skip("needs a system that allows mounting")
    # The user may read everything, for the checkout may be in somebody's home; write it can nothing but /tmp.
    # The checkout stays where it is, even below /tmp.
    here = shlex.quote(str(ROOT))
    script = (
        f"mount --make-rprivate /; mount --bind {here} /mnt; mount -o remount,bind,ro /mnt; "
        f"mount -t tmpfs -o mode=1777 none /tmp; mkdir -p {here}; mount --move /mnt {here}; "
        "mount -o remount,bind,ro /; "
        "exec setpriv --reuid 54321 --regid 54321 --clear-groups --inh-caps -all,+dac_read_search "
        '--ambient-caps +dac_read_search --bounding-set -all,+dac_read_search "$0" "$@"'
    )
    probe = [*isolate, script, "sh", "-c", f"id -u; touch /tmp/x; touch {ROOT}/x /var/tmp/x"]
    seen = subprocess.run(probe, capture_output=True, text=True, check=False)
    assert seen.stdout == "54321\n"
    assert len(seen.stderr.splitlines()) == 2, "the probe could write"
    environment = {**standalone, "TMPDIR": "/tmp"}
    container = start(environment, *isolate, script, *COMMAND, "standalone")
    container.wait_until(lambda: healthy(port))
    assert container.stop() == 0
    assert "Kafka Connect stopped" in container.text


def test_a_worker_file_can_be_given_and_variables_take_precedence(start, standalone, port, tmp_path):
    given = tmp_path / "worker.properties"
    given.write_text("listeners=http://127.0.0.1:1\ntask.shutdown.graceful.timeout.ms=4321\n")
    connector = tmp_path / "lines.properties"
    connector.write_text("name=lines\nconnector.class=FileStreamSource\ntopic=t\nfile=/dev/null\n")
    container = start(standalone, *COMMAND, "standalone", str(given), str(connector))
    container.wait_until(lambda: "Created connector lines" in container.text and healthy(port))
    made = properties.load(tmp_path / "tmp" / "linkspan" / "worker.properties")
    assert made["task.shutdown.graceful.timeout.ms"] == "4321"
    assert made["listeners"] == f"http://127.0.0.1:{port}"
    assert container.stop() == 0


def test_levels_of_loggers_are_used(start, standalone, port):
    standalone["CONNECT_LOG4J_ROOT_LOGLEVEL"] = "warn"
    standalone["CONNECT_LOG4J_LOGGERS"] = "org.apache.kafka.connect.runtime.rest=DEBUG,nonsense,org.reflections=ERROR"
    container = start(standalone, *COMMAND, "standalone")
    container.wait_until(lambda: healthy(port))
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/admin/loggers", timeout=DEADLINE) as answer:
        body = answer.read().decode()
    for name, level in {"root": "WARN", "linkspan.rest": "DEBUG", "org.reflections": "ERROR"}.items():
        assert re.search(rf'"{name}":\{{"level":"{level}"', body), body
    assert "linkspan-container: nonsense is no logger with its level; write name=LEVEL" in container.text
    assert container.stop() == 0


def test_metrics_may_have_an_address_of_their_own_where_nothing_else_answers(start, standalone, port):
    with socket.create_server(("127.0.0.1", 0)) as free:
        own = int(free.getsockname()[1])
    container = start(
        {**standalone, "CONNECT_LINKSPAN_METRICS_LISTENERS": f"http://127.0.0.1:{own}"}, *COMMAND, "standalone"
    )
    container.wait_until(lambda: healthy(port))
    for asked in (own, port):
        with urllib.request.urlopen(f"http://127.0.0.1:{asked}/metrics", timeout=DEADLINE) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            assert b"kafka_connect_worker_task_count 0" in answer.read()
    for path in ("/", "/health", "/connectors", "/admin/loggers"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{own}{path}", timeout=DEADLINE)
    assert container.stop() == 0


def test_variables_that_are_missing_are_named(environment):
    status, message = ended({**environment, "CONNECT_GROUP_ID": "g", "CONNECT_BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    assert status == 1
    assert message == (
        "linkspan-container: set CONNECT_CONFIG_STORAGE_TOPIC, CONNECT_OFFSET_STORAGE_TOPIC, "
        "CONNECT_STATUS_STORAGE_TOPIC, CONNECT_KEY_CONVERTER, CONNECT_VALUE_CONVERTER; "
        "CONNECT_FOO_BAR is the worker's property foo.bar\n"
    )


def test_it_waits_for_a_broker_and_says_when_none_comes(standalone, port):
    standalone |= {"CONNECT_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}", "CONNECT_CUB_KAFKA_TIMEOUT": "0.5"}
    status, message = ended(standalone, "standalone")
    assert status == 1
    assert f"no broker of CONNECT_BOOTSTRAP_SERVERS=127.0.0.1:{port} could be reached within 0.5 s" in message
    for limit in ("soon", "nan"):
        standalone["CONNECT_CUB_KAFKA_TIMEOUT"] = limit
        assert ended(standalone, "standalone") == (
            2,
            f"linkspan-container: CONNECT_CUB_KAFKA_TIMEOUT={limit} is no number of seconds\n",
        )


def test_settings_for_java_are_ignored_with_one_line(standalone):
    standalone |= {"KAFKA_HEAP_OPTS": "-Xmx1g", "STRIMZI_KAFKA_GC_LOG_ENABLED": "false", "STRIMZI_TRACING": "jaeger"}
    standalone["CONNECT_LISTENERS"] = "nothing"
    status, message = ended(standalone, "standalone")
    assert status == 2
    assert message.splitlines()[0] == "linkspan-container: KAFKA_HEAP_OPTS, STRIMZI_TRACING: ignored, they are for Java"
    assert "Invalid value" in message.splitlines()[-1]


@pytest.mark.parametrize("arguments", [["help"], ["health", "x"], ["strimzi", "x"]])
def test_what_it_does_not_know_gets_the_usage(environment, arguments):
    usage = (
        "Usage: linkspan-container [distributed|standalone] [worker.properties [connector files]] | "
        "registry [registry.properties] | health\n"
    )
    assert ended(environment, *arguments) == (1, usage)


def test_a_place_that_is_no_folder_is_named(standalone, tmp_path):
    place = tmp_path / "tmp" / "linkspan"
    place.touch()
    status, message = ended(standalone, "standalone")
    assert status == 2
    assert f"Cannot write to {place}: File exists; make it a writable folder" in message


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")
def test_a_folder_that_somebody_else_made_is_not_used(standalone, tmp_path):
    place = tmp_path / "tmp" / "linkspan"
    place.mkdir()
    os.chown(place, 54321, 54321)
    status, message = ended(standalone, "standalone")
    assert status == 2
    assert f"{place} belongs to another user; remove it, or set TMPDIR to another folder" in message


STRIMZI = """
bootstrap.servers={servers}
config.providers=strimzienv,strimzifile,strimzidir,strimzisecrets
config.providers.strimzienv.class=org.apache.kafka.common.config.provider.EnvVarConfigProvider
config.providers.strimzienv.param.allowlist.pattern=.*
config.providers.strimzifile.class=org.apache.kafka.common.config.provider.FileConfigProvider
config.providers.strimzidir.class=org.apache.kafka.common.config.provider.DirectoryConfigProvider
config.providers.strimzidir.param.allowed.paths={home}
config.providers.strimzisecrets.class=io.strimzi.kafka.KubernetesSecretConfigProvider
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
rest.advertised.host.name=${{strimzienv:ADVERTISED_HOSTNAME}}
rest.advertised.port=8083
group.id=my-connect
config.storage.topic=my-connect-configs
status.storage.topic=my-connect-status
offset.storage.topic=my-connect-offsets
plugin.path={home}/plugins
consumer.client.rack=${{strimzidir:{home}/init:rack.id}}
security.protocol=PLAINTEXT
{more}"""


@pytest.fixture
def pod(environment: dict[str, str], port: int) -> dict[str, str]:
    """Files as the operator mounts them; there is no broker."""
    home = Path(environment["KAFKA_HOME"])
    for name in ("custom-config", "init", "plugins"):
        (home / name).mkdir(parents=True)
    (home / "init" / "rack.id").write_text("rack-a")
    mounted = STRIMZI.format(home=home, servers=f"127.0.0.1:{port}", more="")
    (home / "custom-config" / "kafka-connect.properties").write_text(mounted)
    (home / "custom-config" / "log4j2.properties").write_text(
        "rootLogger.level = DEBUG\nlogger.reflections.name = org.reflections\nlogger.reflections.level = ERROR\n"
    )
    return environment


def test_a_mounted_worker_file_is_used_with_what_it_refers_to(start, pod, tmp_path):
    container = start(pod, *COMMAND, "strimzi")
    container.wait_until(lambda: "in group my-connect on Kafka at 127.0.0.1:" in container.text)
    made = properties.load(tmp_path / "tmp" / "linkspan" / "worker.properties")
    assert made["consumer.client.rack"] == f"${{strimzidir:{pod['KAFKA_HOME']}/init:rack.id}}"
    assert load(DistributedConfig, made).group_id == "my-connect"
    # what it refers to was found: nothing is said to stay as it is written
    assert "which no config provider knows" not in container.text
    assert "] DEBUG " in container.text


def test_metrics_are_where_the_operator_looks_for_them(pod):
    assert _mounted({**pod, "KAFKA_CONNECT_JMX_EXPORTER_ENABLED": "true"})["linkspan.metrics.listeners"] == (
        "http://0.0.0.0:9404"
    )
    assert "linkspan.metrics.listeners" not in _mounted({**pod, "KAFKA_CONNECT_JMX_EXPORTER_ENABLED": "false"})
    assert "linkspan.metrics.listeners" not in _mounted(dict(pod))


def test_health_asks_the_listener_that_the_worker_file_refers_to(monkeypatch):
    monkeypatch.setenv("LINKSPAN_TEST_PORT", "1234")
    settings = {
        "config.providers": "env",
        "config.providers.env.class": "org.apache.kafka.common.config.provider.EnvVarConfigProvider",
        "listeners": "http://:${env:LINKSPAN_TEST_PORT}",
        "ssl.key.password": "${env:LINKSPAN_NOT_ASKED_FOR}",
    }
    assert _listeners(settings) == "http://:1234"
    assert _listeners({"listeners": "http://:1"}) == "http://:1"
    assert _listeners({}) == "http://:8083"


def test_a_secret_that_cannot_be_looked_up_is_refused(pod):
    file = Path(pod["KAFKA_HOME"]) / "custom-config" / "kafka-connect.properties"
    file.write_text(f"{file.read_text()}ssl.truststore.certificates=${{strimzisecrets:ns/certs:ca.crt}}\n")
    status, message = ended(pod, "strimzi")
    assert status == 2
    assert message.splitlines()[-1] == (
        "connect-distributed: Config provider strimzisecrets: Secret ns/certs cannot be read: this is no pod, "
        "KUBERNETES_SERVICE_HOST is not set"
    )


def test_a_pod_without_its_worker_file_is_told_which_one(pod):
    file = Path(pod["KAFKA_HOME"]) / "custom-config" / "kafka-connect.properties"
    file.unlink()
    assert ended(pod, "strimzi") == (
        2,
        f"linkspan-container: Cannot read the properties file {file}: No such file or directory\n",
    )


def test_the_image_has_what_the_contracts_call_and_does_not_run_as_root():
    text = (DOCKER / "Dockerfile").read_text()
    lines = text.replace("\\\n", " ").splitlines()
    assert [line for line in lines if line.startswith("USER ")] == ["USER 1001:0"]
    assert next(line for line in lines if line.startswith("ENTRYPOINT ")).startswith('ENTRYPOINT ["/usr/bin/tini"')
    assert next(line for line in lines if line.startswith("HEALTHCHECK ")).endswith(
        'CMD ["linkspan-container", "health"]'
    )
    scripts = re.findall(r"^COPY --chmod=0755 (\S+) (\S+)$", text, re.MULTILINE)
    assert {place for _, place in scripts} == {
        "/usr/local/bin/linkspan-container",
        "/etc/confluent/docker/run",
        "/opt/kafka/kafka_connect_run.sh",
    }
    for source, _ in scripts:
        script = ROOT / source
        assert os.access(script, os.X_OK)
        assert "-m linkspan.cli.container" in script.read_text()
    ignored = (ROOT / ".dockerignore").read_text().split()
    copied = re.findall(r"^COPY (?!--from)(?:--chmod=\d+ )?(.+) \S+$", text, re.MULTILINE)
    for source in " ".join(copied).split():
        assert (ROOT / source).exists()
        assert any(source.startswith(line.removeprefix("!")) for line in ignored if line.startswith("!")), source


@pytest.mark.parametrize(
    ("file", "config", "workers"),
    [("compose.yaml", DistributedConfig, 3), ("compose.standalone.yaml", StandaloneConfig, 1)],
)
def test_compose_files_set_what_a_worker_knows(file, config, workers):
    text = (DOCKER / file).read_text()
    variables = {name: value.strip('"') for name, value in re.findall(r"^ +(CONNECT_\w+): (.+)$", text, re.MULTILINE)}
    settings = worker_settings(variables)
    loaded = load(config, settings)
    assert unknown_keys(loaded.originals, [key.name for key in config.keys], PREFIXES) == {}
    assert loaded.embedded == (workers == 1)
    assert len(re.findall(r"^  worker.*:$", text, re.MULTILINE)) == workers


def test_a_temporary_folder_is_enough_for_the_health_check(environment):
    with tempfile.TemporaryDirectory() as folder:
        status, message = ended({**environment, "TMPDIR": folder}, "health")
    assert status == 1
    assert "Cannot read the properties file" in message


def test_variables_become_a_schema_registry_that_answers(start, environment, port):
    settings = {
        **environment,
        "SCHEMA_REGISTRY_LISTENERS": f"http://127.0.0.1:{port}",
        "SCHEMA_REGISTRY_SCHEMA_COMPATIBILITY_LEVEL": "full",
        "SCHEMA_REGISTRY_SCHEMA_REGISTRY_GROUP_ID": "ours",
        "SCHEMA_REGISTRY_LOG4J_ROOT_LOGLEVEL": "WARN",
    }
    container = start(settings, *COMMAND, "registry")
    container.wait_until(lambda: healthy(port))
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/config", timeout=5) as answer:
        assert answer.read() == b'{"compatibilityLevel":"FULL"}'
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/metadata/id", timeout=5) as answer:
        assert b'"schema-registry-cluster":"ours"' in answer.read()
    assert ended(settings, "health") == (0, "")
    assert container.stop() == 0
    assert "INFO" not in container.text
    cannot = {**settings, "SCHEMA_REGISTRY_KAFKASTORE_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    status, message = ended({**cannot, "SCHEMA_REGISTRY_CUB_KAFKA_TIMEOUT": "0.1"}, "registry")
    assert (status, "SCHEMA_REGISTRY_KAFKASTORE_BOOTSTRAP_SERVERS=127.0.0.1:1" in message) == (1, True)
