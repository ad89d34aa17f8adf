// Feeds records through transforms and predicates of Apache Kafka and writes what came out, one JSON line a case.

import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.header.ConnectHeaders;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.transforms.Transformation;
import org.apache.kafka.connect.transforms.predicates.Predicate;

public class Transforms {
    static final ObjectMapper MAPPER = new ObjectMapper();
    static final Map<String, Object> MADE = new HashMap<>();

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            ObjectNode test = (ObjectNode) MAPPER.readTree(line);
            ObjectNode result = MAPPER.createObjectNode();
            try {
                run(plugin(test.get("class").asText(), test.get("config")), test.get("record"), result);
            } catch (Throwable error) {
                result.removeAll();
                result.put("error", error.getClass().getSimpleName());
                result.put("message", error.getMessage());
            }
            test.set("result", result);
            out.println(MAPPER.writer().with(JsonWriteFeature.ESCAPE_NON_ASCII).writeValueAsString(test));
            if (!in.ready()) {
                out.flush();
            }
        }
        out.flush();
    }

    static Object plugin(String name, JsonNode config) throws Exception {
        String key = name + config;
        if (MADE.containsKey(key)) {
            return MADE.get(key);
        }
        Object plugin = Class.forName(name).getDeclaredConstructor().newInstance();
        Map<String, String> settings = new HashMap<>();
        config.fields().forEachRemaining(entry -> settings.put(entry.getKey(), entry.getValue().asText(null)));
        if (plugin instanceof Transformation) {
            ((Transformation<?>) plugin).configure(settings);
        } else {
            ((Predicate<?>) plugin).configure(settings);
        }
        MADE.put(key, plugin);
        return plugin;
    }

    @SuppressWarnings("unchecked")
    static <R extends ConnectRecord<R>> void run(Object plugin, JsonNode node, ObjectNode result) {
        R record = (R) record(node);
        if (plugin instanceof Predicate) {
            result.put("test", ((Predicate<R>) plugin).test(record));
            return;
        }
        R changed = ((Transformation<R>) plugin).apply(record);
        result.set("record", changed == null ? MAPPER.nullNode() : dump(changed));
    }

    static ConnectRecord<?> record(JsonNode node) {
        JsonNode key = node.path("key"), value = node.path("value");
        Schema keySchema = Converters.schema(key.get("schema")), valueSchema = Converters.schema(value.get("schema"));
        Object keyValue = Converters.value(key.get("value")), valueValue = Converters.value(value.get("value"));
        ConnectHeaders headers = new ConnectHeaders();
        node.path("headers").forEach(header -> headers.add(
            header.get(0).asText(), Converters.value(header.get(2)), Converters.schema(header.get(1))));
        String topic = node.path("topic").asText("t");
        Integer partition = node.hasNonNull("partition") ? Integer.valueOf(node.get("partition").asInt()) : null;
        Long timestamp = node.hasNonNull("timestamp") ? Long.valueOf(node.get("timestamp").asLong()) : null;
        if (node.has("offset")) {
            return new SinkRecord(topic, partition == null ? 0 : partition, keySchema, keyValue, valueSchema, valueValue,
                node.get("offset").asLong(), timestamp, TimestampType.CREATE_TIME, headers);
        }
        return new SourceRecord(Map.of(), Map.of(), topic, partition, keySchema, keyValue, valueSchema, valueValue, timestamp, headers);
    }

    static ObjectNode dump(ConnectRecord<?> record) {
        ObjectNode node = MAPPER.createObjectNode().put("topic", record.topic());
        node.put("partition", record.kafkaPartition());
        if (record instanceof SinkRecord sunk) {
            node.put("offset", sunk.kafkaOffset());
        }
        node.put("timestamp", record.timestamp());
        node.set("key", side(record.keySchema(), record.key()));
        node.set("value", side(record.valueSchema(), record.value()));
        ArrayNode headers = node.putArray("headers");
        for (Header header : record.headers()) {
            headers.addArray().add(header.key()).add(Converters.describe(header.schema()))
                .add(Converters.dump(header.schema(), header.value()));
        }
        return node;
    }

    static ObjectNode side(Schema schema, Object value) {
        ObjectNode node = MAPPER.createObjectNode();
        node.set("schema", Converters.describe(schema));
        node.set("value", Converters.dump(schema, value));
        if (value instanceof Struct struct && schema != null && !struct.schema().equals(schema)) {
            node.put("mismatch", true);
        }
        return node;
    }
}
