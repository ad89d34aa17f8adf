#!/bin/sh
# What the Strimzi operator calls, at /opt/kafka/kafka_connect_run.sh, with the worker file mounted in custom-config.
# A pod's command takes the place of the image's entry point, so tini is started here; 143 is a clean stop by SIGTERM.
exec /usr/bin/tini -w -e 143 -- /opt/linkspan/bin/python -m linkspan.cli.container strimzi
