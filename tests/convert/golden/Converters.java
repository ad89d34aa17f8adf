// Feeds the cases of cases.py through the converters of Apache Kafka and writes what came out, one JSON line a case.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Proxy;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Date;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.storage.Converter;
import org.apache.kafka.connect.storage.HeaderConverter;

public class Converters {
    static final ObjectMapper MAPPER = new ObjectMapper();
    static final long DAY = 86_400_000L;
    static final String LOGICAL = "org.apache.kafka.connect.data.";

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        Map<String, Object> made = new HashMap<>();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            ObjectNode test = (ObjectNode) MAPPER.readTree(line);
            ObjectNode result = MAPPER.createObjectNode();
            try {
                Object converter = converter(made, test.get("class").asText(), test.get("config"));
                run(converter, test, result);
            } catch (Throwable error) {
                result.removeAll();
                result.put("error", error.getClass().getSimpleName());
                result.put("message", error.getMessage());
            }
            test.set("result", result);
            out.println(MAPPER.writer().with(com.fasterxml.jackson.core.json.JsonWriteFeature.ESCAPE_NON_ASCII).writeValueAsString(test));
        }
        out.flush();
    }

    static Object converter(Map<String, Object> made, String name, JsonNode config) throws Exception {
        String key = name + config;
        Object known = made.get(key);
        if (known != null) {
            return known;
        }
        Object converter = Class.forName(name).getDeclaredConstructor().newInstance();
        Map<String, Object> settings = new HashMap<>();
        config.fields().forEachRemaining(entry -> settings.put(entry.getKey(), entry.getValue().asText()));
        if (converter instanceof Converter) {
            ((Converter) converter).configure(settings, false);
        } else {
            ((HeaderConverter) converter).configure(settings);
        }
        made.put(key, converter);
        return converter;
    }

    static void run(Object converter, JsonNode test, ObjectNode result) {
        if (test.has("payload")) {
            byte[] payload = bytes(test.get("payload"));
            SchemaAndValue found = converter instanceof Converter
                ? ((Converter) converter).toConnectData("t", payload)
                : ((HeaderConverter) converter).toConnectHeader("t", "h", payload);
            result.set("schema", describe(found.schema()));
            result.set("value", dump(found.schema(), found.value()));
            if (test.path("back").asBoolean()) {
                result.set("payload", back((Converter) converter, found));
            }
            return;
        }
        Schema schema = schema(test.get("schema"));
        Object value = value(test.get("value"), schema);
        byte[] payload = converter instanceof Converter
            ? ((Converter) converter).fromConnectData("t", schema, value)
            : ((HeaderConverter) converter).fromConnectHeader("t", "h", schema, value);
        result.set("payload", payload(payload));
    }

    static JsonNode back(Converter converter, SchemaAndValue found) {
        try {
            return payload(converter.fromConnectData("t", found.schema(), found.value()));
        } catch (Throwable error) {
            return MAPPER.createObjectNode().put("error", error.getClass().getSimpleName() + ": " + error.getMessage());
        }
    }

    static byte[] bytes(JsonNode payload) {
        if (payload.isNull()) {
            return null;
        }
        return payload.isTextual()
            ? payload.asText().getBytes(StandardCharsets.UTF_8)
            : HexFormat.of().parseHex(payload.get("hex").asText());
    }

    static JsonNode payload(byte[] payload) {
        if (payload == null) {
            return MAPPER.nullNode();
        }
        try {
            String text = StandardCharsets.UTF_8.newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT).decode(ByteBuffer.wrap(payload)).toString();
            return MAPPER.getNodeFactory().textNode(text);
        } catch (CharacterCodingException error) {
            return MAPPER.createObjectNode().put("hex", HexFormat.of().formatHex(payload));
        }
    }

    // --- schemas -----------------------------------------------------------------------------------------------

    static Schema schema(JsonNode node) {
        return schema(node, new ArrayList<>());
    }

    static Schema schema(JsonNode node, List<SchemaBuilder> within) {
        if (node == null || node.isNull()) {
            return null;
        }
        if (node.has("again")) {
            return again(node, within.get(within.size() - 1 - node.get("again").asInt()));
        }
        Schema.Type type = Schema.Type.valueOf(node.get("type").asText());
        SchemaBuilder builder = switch (type) {
            case ARRAY -> SchemaBuilder.array(schema(node.get("values"), within));
            case MAP -> SchemaBuilder.map(schema(node.get("keys"), within), schema(node.get("values"), within));
            default -> new SchemaBuilder(type);
        };
        if (node.has("fields")) {
            within.add(builder);
            node.get("fields").forEach(field -> builder.field(field.get(0).asText(), schema(field.get(1), within)));
            within.remove(within.size() - 1);
        }
        if (node.path("optional").asBoolean()) {
            builder.optional();
        }
        if (node.has("name")) {
            builder.name(node.get("name").asText());
        }
        if (node.has("version")) {
            builder.version(node.get("version").asInt());
        }
        if (node.has("doc")) {
            builder.doc(node.get("doc").asText());
        }
        if (node.has("parameters")) {
            node.get("parameters").fields().forEachRemaining(e -> builder.parameter(e.getKey(), e.getValue().asText()));
        }
        if (node.has("default")) {
            builder.defaultValue(value(node.get("default"), builder));
        }
        return builder.build();
    }

    /** The schema around it once more, as Confluent's converters make it. */
    static Schema again(JsonNode node, SchemaBuilder whole) {
        boolean optional = node.path("optional").asBoolean();
        Map<String, String> added = new LinkedHashMap<>();
        node.path("parameters").fields().forEachRemaining(e -> added.put(e.getKey(), e.getValue().asText()));
        return (Schema) Proxy.newProxyInstance(Converters.class.getClassLoader(), new Class<?>[] {Schema.class}, (self, method, args) -> {
            switch (method.getName()) {
                case "isOptional": return optional;
                case "schema": return self;
                case "equals": return self == args[0];
                case "hashCode": return System.identityHashCode(self);
                case "parameters": {
                    Map<String, String> all = new LinkedHashMap<>(whole.parameters() == null ? Map.of() : whole.parameters());
                    all.putAll(added);
                    return all;
                }
                default: return method.invoke(whole, args);
            }
        });
    }

    static JsonNode describe(Schema schema) {
        return describe(schema, new ArrayList<>());
    }

    static JsonNode describe(Schema schema, List<Schema> within) {
        if (schema == null) {
            return MAPPER.nullNode();
        }
        for (int up = 0; up < within.size(); up++) {
            Schema whole = within.get(within.size() - 1 - up);
            // a schema within itself has its very fields
            if (schema.type() == Schema.Type.STRUCT && !schema.fields().isEmpty() && schema.fields().get(0) == whole.fields().get(0)) {
                return mention(schema, whole, up);
            }
        }
        ObjectNode node = MAPPER.createObjectNode().put("type", schema.type().name());
        if (schema.isOptional()) {
            node.put("optional", true);
        }
        if (schema.name() != null) {
            node.put("name", schema.name());
        }
        if (schema.version() != null) {
            node.put("version", schema.version());
        }
        if (schema.doc() != null) {
            node.put("doc", schema.doc());
        }
        if (schema.parameters() != null && !schema.parameters().isEmpty()) {
            ObjectNode parameters = node.putObject("parameters");
            schema.parameters().forEach(parameters::put);
        }
        if (schema.defaultValue() != null) {
            node.set("default", dump(schema, schema.defaultValue()));
        }
        if (schema.type() == Schema.Type.MAP) {
            node.set("keys", describe(schema.keySchema(), within));
        }
        if (schema.type() == Schema.Type.MAP || schema.type() == Schema.Type.ARRAY) {
            node.set("values", describe(schema.valueSchema(), within));
        }
        if (schema.type() == Schema.Type.STRUCT) {
            ArrayNode fields = node.putArray("fields");
            within.add(schema);
            for (Field field : schema.fields()) {
                fields.addArray().add(field.name()).add(describe(field.schema(), within));
            }
            within.remove(within.size() - 1);
        }
        return node;
    }

    static JsonNode mention(Schema schema, Schema whole, int up) {
        ObjectNode node = MAPPER.createObjectNode().put("again", up);
        if (schema.isOptional()) {
            node.put("optional", true);
        }
        if (schema.parameters() != null && !schema.parameters().isEmpty()) {
            ObjectNode parameters = node.putObject("parameters");
            schema.parameters().forEach(parameters::put);
        }
        return node;
    }

    // --- values ------------------------------------------------------------------------------------------------

    static Object value(JsonNode node) {
        return value(node, null);
    }

    /** A value; the schemas of its structs are those of its own schema, unless they are told. */
    static Object value(JsonNode node, Schema schema) {
        if (node == null || node.isNull()) {
            return null;
        }
        String kind = node.fieldNames().next();
        JsonNode content = node.get(kind);
        switch (kind) {
            case "i8": return Byte.valueOf(content.asText());
            case "i16": return Short.valueOf(content.asText());
            case "i32": return Integer.valueOf(content.asText());
            case "i64": return Long.valueOf(content.asText());
            case "f32": return (float) Double.parseDouble(content.asText());
            case "f64": return Double.valueOf(content.asText());
            case "bool": return content.asBoolean();
            case "str": return content.asText();
            case "bytes": return HexFormat.of().parseHex(content.asText());
            case "buffer": return ByteBuffer.wrap(HexFormat.of().parseHex(content.asText()));
            case "dec": return new BigDecimal(content.asText());
            case "date": return new Date(content.asLong() * DAY);
            case "time": return new Date(content.asLong());
            case "timestamp": return new Date(content.asLong());
            case "list": {
                List<Object> list = new ArrayList<>();
                content.forEach(item -> list.add(value(item, schema == null ? null : schema.valueSchema())));
                return list;
            }
            case "map": {
                Map<Object, Object> map = new LinkedHashMap<>();
                content.forEach(pair -> map.put(
                    value(pair.get(0), schema == null ? null : schema.keySchema()),
                    value(pair.get(1), schema == null ? null : schema.valueSchema())));
                return map;
            }
            case "struct": {
                Schema own = content.has("schema") ? schema(content.get("schema")) : schema;
                Struct struct = new Struct(own);
                content.get("fields").fields().forEachRemaining(e -> struct.put(e.getKey(), value(e.getValue(), own.field(e.getKey()).schema())));
                return struct;
            }
            default: throw new IllegalArgumentException(kind);
        }
    }

    static JsonNode dump(Schema schema, Object value) {
        ObjectNode node = MAPPER.createObjectNode();
        if (value == null) {
            return MAPPER.nullNode();
        } else if (value instanceof Byte) {
            return node.put("i8", value.toString());
        } else if (value instanceof Short) {
            return node.put("i16", value.toString());
        } else if (value instanceof Integer) {
            return node.put("i32", value.toString());
        } else if (value instanceof Long) {
            return node.put("i64", value.toString());
        } else if (value instanceof Float number) {
            return node.put("f32", Double.toString(number.doubleValue()));
        } else if (value instanceof Double) {
            return node.put("f64", value.toString());
        } else if (value instanceof Boolean flag) {
            return node.put("bool", flag);
        } else if (value instanceof String) {
            return node.put("str", (String) value);
        } else if (value instanceof byte[] content) {
            return node.put("bytes", HexFormat.of().formatHex(content));
        } else if (value instanceof ByteBuffer content) {
            return node.put("bytes", HexFormat.of().formatHex(content.array()));
        } else if (value instanceof BigDecimal) {
            return node.put("dec", value.toString());
        } else if (value instanceof Date date) {
            return moment(node, schema == null ? null : schema.name(), date.getTime());
        } else if (value instanceof List<?> list) {
            ArrayNode items = node.putArray("list");
            list.forEach(item -> items.add(dump(schema == null ? null : schema.valueSchema(), item)));
        } else if (value instanceof Map<?, ?> map) {
            ArrayNode pairs = node.putArray("map");
            map.forEach((key, item) -> pairs.addArray()
                .add(dump(schema == null ? null : schema.keySchema(), key))
                .add(dump(schema == null ? null : schema.valueSchema(), item)));
        } else if (value instanceof Struct struct) {
            ObjectNode content = node.putObject("struct");
            content.set("schema", describe(struct.schema()));
            ObjectNode fields = content.putObject("fields");
            for (Field field : struct.schema().fields()) {
                fields.set(field.name(), dump(field.schema(), struct.getWithoutDefault(field.name())));
            }
        } else {
            throw new IllegalArgumentException(value.getClass().getName());
        }
        return node;
    }

    static JsonNode moment(ObjectNode node, String name, long time) {
        if ((LOGICAL + "Date").equals(name)) {
            return node.put("date", Math.floorDiv(time, DAY));
        }
        return node.put((LOGICAL + "Time").equals(name) ? "time" : (LOGICAL + "Timestamp").equals(name) ? "timestamp" : "moment", time);
    }
}
