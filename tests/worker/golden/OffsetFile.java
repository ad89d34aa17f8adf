// Writes and reads an offset file with the original store, so that both sides can be compared.
// One entry a line: key, tab, value; the word null for no value.

import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Scanner;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.runtime.standalone.StandaloneConfig;
import org.apache.kafka.connect.storage.FileOffsetBackingStore;

public class OffsetFile {
    static class Store extends FileOffsetBackingStore {
        Store(String path) {
            super(converter());
            configure(new StandaloneConfig(Map.of(
                "bootstrap.servers", "127.0.0.1:1",
                "key.converter", "org.apache.kafka.connect.json.JsonConverter",
                "value.converter", "org.apache.kafka.connect.json.JsonConverter",
                "offset.storage.file.filename", path)));
        }

        void print(PrintStream out) {
            data.forEach((key, value) -> out.println(text(key) + "\t" + text(value)));
        }
    }

    static JsonConverter converter() {
        JsonConverter converter = new JsonConverter();
        converter.configure(Map.of("schemas.enable", "false"), true);
        return converter;
    }

    static String text(ByteBuffer bytes) {
        return bytes == null ? "null" : StandardCharsets.UTF_8.decode(bytes.duplicate()).toString();
    }

    static ByteBuffer bytes(String text) {
        return text.equals("null") ? null : ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    }

    public static void main(String[] args) throws Exception {
        Store store = new Store(args[1]);
        try {
            store.start();
            run(store, args[0]);
        } finally {
            store.stop();
        }
    }

    static void run(Store store, String what) throws Exception {
        if (what.equals("write")) {
            Map<ByteBuffer, ByteBuffer> entries = new LinkedHashMap<>();
            for (Scanner in = new Scanner(System.in, StandardCharsets.UTF_8); in.hasNextLine(); ) {
                String[] pair = in.nextLine().split("\t");
                entries.put(bytes(pair[0]), bytes(pair[1]));
            }
            store.set(entries, null).get();
        } else {
            store.print(new PrintStream(System.out, true, StandardCharsets.UTF_8));
        }
    }
}
