import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.confluent.kafka.schemaregistry.avro.AvroSchema;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import org.apache.avro.SchemaCompatibility;

/** Reads a reader's and a writer's schema, one JSON line each; says how the original writes and compares them. */
public class AvroRules {
    static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            JsonNode given = JSON.readTree(line);
            ObjectNode answer = JSON.createObjectNode();
            AvroSchema reader = read(given.get("reader").asText(), answer, "reader");
            AvroSchema writer = read(given.get("writer").asText(), answer, "writer");
            if (reader != null && writer != null) {
                compare(reader, writer, answer);
            }
            out.println(JSON.writeValueAsString(answer));
        }
    }

    static AvroSchema read(String text, ObjectNode answer, String name) {
        AvroSchema schema;
        try {
            schema = new AvroSchema(text, Collections.emptyList(), Collections.emptyMap(), null, true);
        } catch (RuntimeException error) {
            answer.putNull(name);
            answer.put(name + "Error", String.valueOf(error.getMessage()));
            return null;
        }
        answer.put(name, schema.canonicalString());
        try {
            answer.put(name + "Normalized", schema.normalize().canonicalString());
        } catch (RuntimeException error) {
            answer.putNull(name + "Normalized");
        }
        return schema;
    }

    static void compare(AvroSchema reader, AvroSchema writer, ObjectNode answer) {
        ArrayNode found = answer.putArray("found");
        try {
            SchemaCompatibility.checkReaderWriterCompatibility(reader.rawSchema(), writer.rawSchema())
                .getResult()
                .getIncompatibilities()
                .forEach(each -> found.addArray()
                    .add(each.getType().name())
                    .add(each.getMessage())
                    .add(each.getLocation()));
        } catch (RuntimeException error) {
            answer.put("error", error.getMessage());
        }
    }
}
