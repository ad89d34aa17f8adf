import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.debezium.transforms.outbox.EventRouter;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.source.SourceRecord;

/** Debezium's outbox event router: rows of an outbox, as change events, to the records that it makes of them. */
public class OutboxRouter {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final JsonConverter CONVERTER = new JsonConverter();

    public static void main(String[] args) throws Exception {
        CONVERTER.configure(Map.of("schemas.enable", "true"), false);
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            ObjectNode answer;
            try {
                answer = answer(JSON.readTree(line));
            } catch (Exception e) {
                answer = JSON.createObjectNode().put("error", e.getMessage());
            }
            out.println(JSON.writeValueAsString(answer));
        }
    }

    @SuppressWarnings("unchecked")
    private static ObjectNode answer(JsonNode question) throws Exception {
        EventRouter<SourceRecord> router = new EventRouter<>();
        router.configure(JSON.convertValue(question.get("config"), Map.class));
        SchemaAndValue event = CONVERTER.toConnectData("", JSON.writeValueAsBytes(question.get("event")));
        SourceRecord routed = router.apply(new SourceRecord(
            null, null, "db.outbox", null, null, null, event.schema(), event.value(), question.get("time").asLong()));
        ObjectNode answer = JSON.createObjectNode();
        if (routed == null) {
            return answer;
        }
        answer.put("topic", routed.topic());
        answer.put("partition", routed.kafkaPartition());
        answer.put("timestamp", routed.timestamp());
        answer.set("key", shown(routed.keySchema(), routed.key()));
        answer.set("value", shown(routed.valueSchema(), routed.value()));
        ArrayNode headers = answer.putArray("headers");
        for (Header header : routed.headers()) {
            headers.addArray().add(header.key()).add(shown(header.schema(), header.value()));
        }
        router.close();
        return answer;
    }

    private static JsonNode shown(Schema schema, Object value) throws Exception {
        byte[] bytes = CONVERTER.fromConnectData("", schema, value);
        return bytes == null ? JSON.nullNode() : JSON.readTree(bytes);
    }
}
