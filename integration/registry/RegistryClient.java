import io.confluent.kafka.schemaregistry.ParsedSchema;
import io.confluent.kafka.schemaregistry.avro.AvroSchema;
import io.confluent.kafka.schemaregistry.avro.AvroSchemaProvider;
import io.confluent.kafka.schemaregistry.client.CachedSchemaRegistryClient;
import io.confluent.kafka.schemaregistry.client.SchemaMetadata;
import io.confluent.kafka.schemaregistry.client.SchemaRegistryClient;
import io.confluent.kafka.schemaregistry.client.rest.entities.SchemaReference;
import io.confluent.kafka.schemaregistry.client.rest.exceptions.RestClientException;
import io.confluent.kafka.schemaregistry.protobuf.ProtobufSchema;
import io.confluent.kafka.schemaregistry.protobuf.ProtobufSchemaProvider;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;

/** Uses a registry (address, subject) through Confluent's client; prints a line for each step. */
public class RegistryClient {
    static int step = 0;

    public static void main(String[] arguments) throws Exception {
        String subject = arguments[1];
        SchemaRegistryClient client = client(arguments[0]);
        ParsedSchema first = avro("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"}]}");
        ParsedSchema wrong = avro("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"b\",\"type\":\"int\"}]}");
        ParsedSchema second = avro("{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}");
        int id = client.register(subject, first);
        say(() -> client(arguments[0]).getSchemaById(id).canonicalString());
        say(() -> client.getId(subject, first) == id);
        say(() -> client(arguments[0]).getVersion(subject, first));
        say(() -> client.testCompatibility(subject, wrong));
        say(() -> client.register(subject, wrong));
        say(() -> client.testCompatibility(subject, second));
        say(() -> client.register(subject, second) != id);
        say(() -> client.getAllVersions(subject));
        say(() -> metadata(client.getLatestSchemaMetadata(subject)));
        say(() -> metadata(client.getSchemaMetadata(subject, 1)));
        say(() -> client.getAllSubjects().contains(subject));
        say(() -> client.getAllSubjectsById(id));
        say(() -> client.getCompatibility(subject));
        say(() -> client.updateCompatibility(subject, "NONE"));
        say(() -> client.getCompatibility(subject));
        say(() -> client.getMode());
        say(() -> client.setMode("READONLY", subject));
        say(() -> client.getMode(subject));
        say(() -> client.register(subject, wrong));
        say(() -> client.setMode("READWRITE", subject));
        protobuf(client, arguments[0], subject + "-p");
        say(() -> client.deleteSchemaVersion(subject, "2"));
        say(() -> client.deleteSubject(subject));
        say(() -> client.deleteSubject(Collections.emptyMap(), subject, true));
        say(() -> client.getAllVersions(subject));
    }

    static void protobuf(SchemaRegistryClient client, String url, String subject) throws Exception {
        String part = "syntax = \"proto3\";\npackage x;\n\nmessage Part {\n  int32 a = 1;\n}\n";
        String whole = "syntax = \"proto3\";\npackage y;\n\nimport \"part.proto\";\n\nmessage Whole {\n  x.Part part = 1;\n"
            + "  map<string, string> m = 2;\n}\n";
        client.register(subject + "art", new ProtobufSchema(part));
        List<SchemaReference> references = Arrays.asList(new SchemaReference("part.proto", subject + "art", 1));
        ParsedSchema schema = new ProtobufSchema(whole, references, Map.of("part.proto", part), null, null);
        int id = client.register(subject, schema);
        say(() -> client(url).getSchemaById(id).name());
        say(() -> client(url).getId(subject, schema) == id);
        say(() -> client.deleteSubject(subject + "art"));
    }

    static SchemaRegistryClient client(String url) {
        return new CachedSchemaRegistryClient(
            Collections.singletonList(url), 100, Arrays.asList(new AvroSchemaProvider(), new ProtobufSchemaProvider()),
            Collections.emptyMap());
    }

    static ParsedSchema avro(String text) {
        return new AvroSchema(text);
    }

    static String metadata(SchemaMetadata found) {
        return found.getVersion() + " " + found.getSchemaType() + " " + found.getSchema();
    }

    static void say(Callable<Object> call) throws Exception {
        String said;
        try {
            said = String.valueOf(call.call());
        } catch (RestClientException error) {
            said = error.getStatus() + " " + error.getErrorCode();
        }
        System.out.println(++step + " " + said);
    }
}
