package compat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Future;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.sink.ErrantRecordReporter;
import org.apache.kafka.connect.sink.SinkConnector;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;

/** Does with each record what its value says, and notes it in a file. */
public class PickySink extends SinkConnector {
    private Map<String, String> settings;

    @Override
    public void start(Map<String, String> properties) {
        settings = properties;
    }

    @Override
    public Class<? extends Task> taskClass() {
        return PickyTask.class;
    }

    @Override
    public List<Map<String, String>> taskConfigs(int most) {
        return List.of(settings);
    }

    @Override
    public void stop() {}

    @Override
    public ConfigDef config() {
        return new ConfigDef().define("file", ConfigDef.Type.STRING, ConfigDef.Importance.HIGH, "Where to note it.");
    }

    @Override
    public String version() {
        return "1";
    }

    /** Its task. */
    public static class PickyTask extends SinkTask {
        private final Set<Long> retried = new HashSet<>();
        private Path file;

        @Override
        public String version() {
            return "1";
        }

        @Override
        public void start(Map<String, String> properties) {
            file = Path.of(properties.get("file"));
        }

        @Override
        public void put(Collection<SinkRecord> records) {
            for (SinkRecord record : records) {
                act(String.valueOf(record.value()), record, context.errantRecordReporter());
            }
        }

        private void act(String what, SinkRecord record, ErrantRecordReporter reporter) {
            String action = what.split(" ")[0];
            Exception error = new DataException("no " + what);
            switch (action) {
                case "report" -> reporter.report(record, error);
                case "built" -> reporter.report(
                    new SinkRecord(
                        record.topic(), record.kafkaPartition(), null, "other key", null, "other",
                        record.kafkaOffset(), record.timestamp(), record.timestampType()),
                    error);
                case "twice" -> {
                    reporter.report(record, error);
                    reporter.report(record, new IllegalStateException("again " + what));
                }
                case "wait" -> {
                    Future<Void> done = reporter.report(record, error);
                    try {
                        done.get();
                    } catch (Exception failed) {
                        throw new ConnectException(failed);
                    }
                }
                case "swallow" -> {
                    try {
                        reporter.report(record, error);
                    } catch (ConnectException refused) {
                        note("swallowed");
                    }
                }
                case "raise" -> throw new ConnectException("raised " + what);
                case "retry" -> {
                    if (retried.add(record.kafkaOffset())) {
                        throw new RetriableException("later " + what);
                    }
                }
                default -> {}
            }
            note(what);
        }

        private void note(String line) {
            try {
                Files.write(file, List.of(line), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            } catch (java.io.IOException failed) {
                throw new ConnectException(failed);
            }
        }

        @Override
        public void stop() {}
    }
}
