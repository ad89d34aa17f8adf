package compat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.config.ConfigData;
import org.apache.kafka.common.config.provider.ConfigProvider;

/** Gives the content of a file for a limited time: the path is the number of milliseconds. */
public class LimitedProvider implements ConfigProvider {
    private Path file;

    @Override
    public void configure(Map<String, ?> configs) {
        file = Path.of(configs.get("file").toString());
    }

    @Override
    public ConfigData get(String path) {
        return get(path, Set.of());
    }

    @Override
    public ConfigData get(String path, Set<String> keys) {
        Map<String, String> data = new HashMap<>();
        try {
            for (String key : keys) {
                data.put(key, Files.readString(file));
            }
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        return new ConfigData(data, Long.parseLong(path));
    }

    @Override
    public void close() {
    }
}
