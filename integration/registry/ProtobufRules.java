import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.confluent.kafka.schemaregistry.protobuf.ProtobufSchema;
import io.confluent.kafka.schemaregistry.protobuf.diff.SchemaDiff;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** Reads a reader's and a writer's schema, one JSON line each; says how the original writes and compares them. */
public class ProtobufRules {
    static final ObjectMapper JSON = new ObjectMapper();

    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            JsonNode given = JSON.readTree(line);
            ObjectNode answer = JSON.createObjectNode();
            ProtobufSchema reader = new ProtobufSchema(given.get("reader").asText());
            ProtobufSchema writer = new ProtobufSchema(given.get("writer").asText());
            answer.put("reader", reader.canonicalString());
            answer.put("writer", writer.canonicalString());
            ArrayNode found = answer.putArray("found");
            SchemaDiff.compare(writer, reader).forEach(each -> found.addArray()
                .add(each.getType().name())
                .add(each.getFullPath())
                .add(SchemaDiff.COMPATIBLE_CHANGES.contains(each.getType())));
            out.println(JSON.writeValueAsString(answer));
        }
    }
}
