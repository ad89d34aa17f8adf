// Writes the keys of workers and connectors of Apache Kafka, and what their checks say to the values of PROBES.

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigValue;

public class Keys {
    static final List<String> PROBES = List.of(
        "", "x", "-2", "0", "0.3", "1,1", "a,a", "a,");
    static final ObjectMapper MAPPER = new ObjectMapper();

    public static void main(String[] args) throws Exception {
        ObjectNode all = MAPPER.createObjectNode();
        String runtime = "org.apache.kafka.connect.runtime.";
        all.set("standalone", keys(field(runtime + "standalone.StandaloneConfig", "CONFIG")));
        Class<?> distributed = Class.forName(runtime + "distributed.DistributedConfig");
        Class<?> crypto = Class.forName(runtime + "distributed.Crypto");
        Method config = distributed.getDeclaredMethod("config", crypto);
        config.setAccessible(true);
        all.set("distributed", keys((ConfigDef) config.invoke(null, crypto.getField("SYSTEM").get(null))));
        System.out.println(MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(all));
    }

    static ConfigDef field(String type, String name) throws Exception {
        Field field = Class.forName(type).getDeclaredField(name);
        field.setAccessible(true);
        return (ConfigDef) field.get(null);
    }

    static ObjectNode keys(ConfigDef definition) {
        ObjectNode keys = MAPPER.createObjectNode();
        new TreeMap<>(definition.configKeys()).forEach((name, key) -> {
            ObjectNode node = keys.putObject(name);
            node.put("type", key.type().name());
            node.put("importance", key.importance.name());
            node.put("required", !key.hasDefault());
            node.put("default", key.hasDefault() ? ConfigDef.convertToString(key.defaultValue, key.type()) : null);
            ObjectNode errors = node.putObject("errors");
            for (String probe : PROBES) {
                try {
                    List<String> messages = Collections.emptyList();
                    for (ConfigValue value : definition.validate(Map.of(name, probe))) {
                        messages = value.name().equals(name) ? value.errorMessages() : messages;
                    }
                    if (!messages.isEmpty()) {
                        ArrayNode list = errors.putArray(probe);
                        messages.forEach(message -> list.add(message.replaceAll("; the supported algorithms.*", "")));
                    }
                } catch (RuntimeException error) {
                    errors.putArray(probe).add("raised " + error.getMessage());
                }
            }
        });
        return keys;
    }
}
