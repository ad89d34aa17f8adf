"""What librdkafka does once a process is done before tasks are forked, and nothing of it is in a fork's way."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import json, os, time

def left():
    return sorted(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))

def chosen():
    from confluent_kafka import Producer
    got = {}
    producer = Producer({"log_level": 0, "test.mock.num.brokers": 1, "sticky.partitioning.linger.ms": 0})
    producer.list_topics("t", timeout=20)
    for number in range(16):
        producer.produce("t", b"", on_delivery=lambda _, sent, number=number: got.update({number: sent.partition()}))
    producer.flush(20)
    return sorted(got.items())

before = left()
import linkspan.log.kafka.library
time.sleep(0.1)  # a thread that has been joined is listed for another moment
after = left()
children = []
for _ in range(3):
    reader, writer = os.pipe()
    if not os.fork():
        os.write(writer, json.dumps(chosen()).encode())
        os._exit(0)
    os.close(writer)
    with open(reader) as answer:
        children.append(json.load(answer))
    os.wait()
print(json.dumps([before, after, children]))
"""


def test_the_library_that_has_prepared_itself_is_safe_to_fork_and_gives_children_chances_of_their_own():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    before, after, children = json.loads(done.stdout)
    assert after == before
    assert [len(child) for child in children] == [16, 16, 16]
    assert children[0] != children[1] != children[2]
