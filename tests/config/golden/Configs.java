// Feeds the cases of cases.py through ConfigDef, java.util.Properties and java.util.regex; one JSON line a case.

import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigValue;
import org.apache.kafka.common.config.types.Password;

public class Configs {
    static final ObjectMapper MAPPER = new ObjectMapper();

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            ObjectNode test = (ObjectNode) MAPPER.readTree(line);
            ObjectNode result = MAPPER.createObjectNode();
            try {
                switch (test.get("kind").asText()) {
                    case "value" -> value(test, result);
                    case "properties" -> properties(test, result);
                    default -> regex(test, result);
                }
            } catch (Exception error) {
                result.removeAll();
                result.put("error", error.getClass().getSimpleName());
                result.put("message", error.getMessage());
            }
            test.set("result", result);
            out.println(MAPPER.writer().with(JsonWriteFeature.ESCAPE_NON_ASCII).writeValueAsString(test));
        }
        out.flush();
    }

    static void value(JsonNode test, ObjectNode result) {
        ConfigDef.Type type = ConfigDef.Type.valueOf(test.get("type").asText());
        ConfigDef definition = new ConfigDef();
        Object fallback = test.has("default") ? plain(test.get("default")) : ConfigDef.NO_DEFAULT_VALUE;
        definition.define("the.key", type, fallback, validator(test.get("validator")), ConfigDef.Importance.LOW, "");
        Map<String, String> props = new HashMap<>();
        if (test.has("text")) {
            props.put("the.key", test.get("text").isNull() ? null : test.get("text").asText());
        }
        ConfigValue checked = definition.validate(props).get(0);
        ArrayNode errors = result.putArray("errors");
        checked.errorMessages().forEach(errors::add);
        result.set("value", dump(checked.value()));
        try {
            definition.parse(props);
        } catch (RuntimeException error) {
            result.put("raised", error.getMessage());
        }
    }

    static ConfigDef.Validator validator(JsonNode node) {
        if (node == null) {
            return null;
        }
        String name = node.get(0).asText();
        List<String> texts = new ArrayList<>();
        node.forEach(item -> texts.add(item.isNull() ? null : item.asText()));
        String[] choices = texts.subList(1, texts.size()).toArray(new String[0]);
        return switch (name) {
            case "atLeast" -> ConfigDef.Range.atLeast((Number) plain(node.get(1)));
            case "between" -> ConfigDef.Range.between((Number) plain(node.get(1)), (Number) plain(node.get(2)));
            case "ValidString" -> ConfigDef.ValidString.in(choices);
            case "CaseInsensitiveValidString" -> ConfigDef.CaseInsensitiveValidString.in(choices);
            case "anyNonDuplicateValues" -> ConfigDef.ValidList.anyNonDuplicateValues(node.get(1).asBoolean(), node.get(2).asBoolean());
            case "NonEmptyString" -> new ConfigDef.NonEmptyString();
            case "NonEmptyStringWithoutControlChars" -> ConfigDef.NonEmptyStringWithoutControlChars.nonEmptyStringWithoutControlChars();
            case "NonNull" -> new ConfigDef.NonNullValidator();
            default -> throw new IllegalArgumentException(name);
        };
    }

    static Object plain(JsonNode node) {
        if (node.isNull()) {
            return null;
        } else if (node.isInt()) {
            return node.intValue();
        } else if (node.isLong()) {
            return node.longValue();
        } else if (node.isDouble()) {
            return node.doubleValue();
        } else if (node.isBoolean()) {
            return node.booleanValue();
        } else if (node.isArray()) {
            List<String> items = new ArrayList<>();
            node.forEach(item -> items.add(item.asText()));
            return items;
        }
        return node.asText();
    }

    static JsonNode dump(Object value) {
        if (value instanceof Double) {
            return MAPPER.getNodeFactory().textNode(value.toString());
        } else if (value instanceof Class<?> found) {
            return MAPPER.getNodeFactory().textNode(found.getName());
        } else if (value instanceof Password secret) {
            return MAPPER.createObjectNode().put("secret", secret.value()).put("shown", secret.toString());
        }
        return MAPPER.valueToTree(value);
    }

    static void properties(JsonNode test, ObjectNode result) throws Exception {
        Properties read = new Properties();
        read.load(new ByteArrayInputStream(test.get("text").asText().getBytes(StandardCharsets.ISO_8859_1)));
        ObjectNode pairs = result.putObject("pairs");
        new TreeSet<>(read.stringPropertyNames()).forEach(name -> pairs.put(name, read.getProperty(name)));
    }

    static void regex(JsonNode test, ObjectNode result) {
        Pattern pattern = Pattern.compile(test.get("pattern").asText());
        ArrayNode matched = result.putArray("matched");
        test.get("inputs").forEach(input -> {
            if (pattern.matcher(input.asText()).matches()) {
                matched.add(input.asText());
            }
        });
    }
}
