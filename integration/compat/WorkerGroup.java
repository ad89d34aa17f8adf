package org.apache.kafka.connect.runtime.distributed;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.common.message.JoinGroupResponseData.JoinGroupResponseMember;
import org.apache.kafka.common.utils.LogContext;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.connect.runtime.distributed.WorkerCoordinator.ConnectorsAndTasks;
import org.apache.kafka.connect.storage.ClusterConfigState;
import org.apache.kafka.connect.util.ConnectorTaskId;

/**
 * What the original's leader and its byte layouts do: one JSON line in, the same line with "result" or "error" out.
 *
 * <p>Lives in the package of what it calls, so it has to be compiled into a folder of the class path.
 */
public class WorkerGroup {
    static final ObjectMapper MAPPER = new ObjectMapper();
    static final HexFormat HEX = HexFormat.of();
    static final LogContext LOG = new LogContext();

    static long now;
    static Coordinator coordinator;
    static Incremental incremental;

    public static void main(String[] unused) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        coordinator = Coordinator.make();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            ObjectNode test = (ObjectNode) MAPPER.readTree(line);
            try {
                test.set("result", answer(test));
            } catch (Exception error) {
                test.put("error", error.getClass().getSimpleName());
            }
            out.println(MAPPER.writeValueAsString(test));
        }
        out.flush();
    }

    static JsonNode answer(JsonNode test) throws Exception {
        return switch (test.get("op").asText()) {
            case "new" -> {
                incremental = new Incremental(test.get("max_delay").asInt());
                yield MAPPER.nullNode();
            }
            case "round" -> round(test);
            case "write metadata" -> MAPPER.valueToTree(HEX.formatHex(writeMetadata(test).array()));
            case "write assignment" -> MAPPER.valueToTree(HEX.formatHex(writeAssignment(test).array()));
            case "read metadata" -> readMetadata(bytes(test.get("hex").asText()));
            case "read assignment" ->
                shown(IncrementalCooperativeConnectProtocol.deserializeAssignment(bytes(test.get("hex").asText())));
            default -> throw new IllegalArgumentException(test.get("op").asText());
        };
    }

    static ByteBuffer bytes(String hex) {
        return ByteBuffer.wrap(HEX.parseHex(hex));
    }

    // --- rounds ---------------------------------------------------------------------------------------------------

    /** The original, walking the members in order of their ids where it leaves the order to a HashMap. */
    static class Incremental extends IncrementalCooperativeAssignor {
        Incremental(int maxDelay) {
            super(LOG, clock(), maxDelay);
        }

        @Override
        ClusterAssignment performTaskAssignment(
                ClusterConfigState configs, int completed, int generation, Map<String, ConnectorsAndTasks> members) {
            List<String> before = new ArrayList<>(candidateWorkersForReassignment);
            ClusterAssignment made = super.performTaskAssignment(configs, completed, generation, new TreeMap<>(members));
            TreeSet<String> added = new TreeSet<>(candidateWorkersForReassignment);
            before.forEach(added::remove);
            before.retainAll(candidateWorkersForReassignment);
            candidateWorkersForReassignment.clear();
            candidateWorkersForReassignment.addAll(before);
            candidateWorkersForReassignment.addAll(added);
            return made;
        }
    }

    static Time clock() {
        Class<?>[] types = {Time.class};
        return (Time) Proxy.newProxyInstance(WorkerGroup.class.getClassLoader(), types, (proxy, method, arguments) -> {
            if (!method.getName().equals("milliseconds")) throw new UnsupportedOperationException(method.getName());
            return now;
        });
    }

    static ObjectNode round(JsonNode test) throws Exception {
        now = test.get("now").asLong();
        coordinator.begin(test);
        List<JoinGroupResponseMember> members = new ArrayList<>();
        test.get("members").fields().forEachRemaining(member -> members.add(new JoinGroupResponseMember()
                .setMemberId(member.getKey())
                .setMetadata(HEX.parseHex(member.getValue().asText()))));
        ConnectProtocolCompatibility protocol = ConnectProtocolCompatibility.fromProtocol(test.get("protocol").asText());
        boolean eager = protocol == ConnectProtocolCompatibility.EAGER;
        ConnectAssignor assignor = eager ? new EagerAssignor(LOG) : incremental;
        String leader = test.get("leader").asText();
        Map<String, ByteBuffer> made = assignor.performAssignment(leader, protocol, members, coordinator);

        ObjectNode result = MAPPER.createObjectNode();
        ObjectNode assignments = result.putObject("assignments");
        new TreeMap<>(made).forEach((member, content) -> assignments.put(member, HEX.formatHex(content.array())));
        ObjectNode owners = result.putObject("owners");
        owners("connectorOwners").forEach((name, member) -> owners.put(name + ":-1", (String) member));
        owners("taskOwners").forEach((task, member) -> {
            ConnectorTaskId id = (ConnectorTaskId) task;
            owners.put(id.connector() + ":" + id.task(), (String) member);
        });
        if (!eager) {
            result.put("scheduled", incremental.scheduledRebalance);
            result.set("candidates", MAPPER.valueToTree(incremental.candidateWorkersForReassignment));
        }
        return result;
    }

    static Map<?, ?> owners(String kind) throws Exception {
        Field owners = WorkerCoordinator.LeaderState.class.getDeclaredField(kind);
        owners.setAccessible(true);
        return (Map<?, ?>) owners.get(coordinator.leader);
    }

    /** What an assignor asks of a member of a group that there is not. */
    static class Coordinator extends WorkerCoordinator {
        ClusterConfigState configs;
        int completed;
        int generation;
        LeaderState leader;

        private Coordinator() {
            super(null, null, null, null, null, null, null, null, null, null, 0);
        }

        static Coordinator make() throws Exception {
            Field unsafe = sun.misc.Unsafe.class.getDeclaredField("theUnsafe");
            unsafe.setAccessible(true);
            return (Coordinator) ((sun.misc.Unsafe) unsafe.get(null)).allocateInstance(Coordinator.class);
        }

        void begin(JsonNode test) {
            completed = test.path("completed").asInt();
            generation = test.path("generation").asInt();
            Map<String, Integer> counts = new HashMap<>();
            Map<String, Map<String, String>> settings = new HashMap<>();
            test.get("connectors").fields().forEachRemaining(connector -> {
                counts.put(connector.getKey(), connector.getValue().asInt());
                settings.put(connector.getKey(), Map.of());
            });
            configs = new ClusterConfigState(
                    Long.MAX_VALUE, null, counts, settings, Map.of(), Map.of(), Map.of(), Map.of(), Map.of(), Set.of(), Set.of());
        }

        @Override
        public ClusterConfigState configSnapshot() {
            return configs;
        }

        @Override
        public int lastCompletedGenerationId() {
            return completed;
        }

        @Override
        public int generationId() {
            return generation;
        }

        @Override
        public String memberId() {
            return "leader";
        }

        @Override
        public void leaderState(LeaderState state) {
            leader = state;
        }
    }

    // --- bytes ----------------------------------------------------------------------------------------------------

    static ByteBuffer writeMetadata(JsonNode test) {
        int version = test.get("version").asInt();
        String url = test.get("url").asText();
        long offset = test.get("offset").asLong();
        if (version == 0) return ConnectProtocol.serializeMetadata(new ConnectProtocol.WorkerState(url, offset));
        JsonNode allocation = test.get("allocation");
        ExtendedAssignment current = allocation.isNull() ? ExtendedAssignment.empty() : assignment(allocation);
        return IncrementalCooperativeConnectProtocol.serializeMetadata(
                new ExtendedWorkerState(url, offset, current), version == 2);
    }

    static ByteBuffer writeAssignment(JsonNode test) {
        ExtendedAssignment made = assignment(test);
        if (made.version() > 0)
            return IncrementalCooperativeConnectProtocol.serializeAssignment(made, made.version() == 2);
        return ConnectProtocol.serializeAssignment(new ConnectProtocol.Assignment(
                made.error(), made.leader(), made.leaderUrl(), made.offset(), made.connectors(), made.tasks()));
    }

    static ExtendedAssignment assignment(JsonNode node) {
        return new ExtendedAssignment(
                (short) node.get("version").asInt(),
                (short) node.get("error").asInt(),
                node.get("leader").asText(),
                node.get("leader_url").asText(),
                node.get("offset").asLong(),
                connectors(node.get("assigned")),
                tasks(node.get("assigned")),
                connectors(node.get("revoked")),
                tasks(node.get("revoked")),
                node.get("delay_ms").asInt());
    }

    static List<String> connectors(JsonNode items) {
        List<String> found = new ArrayList<>();
        for (JsonNode item : items) if (item.get(1).asInt() == -1) found.add(item.get(0).asText());
        return found;
    }

    static List<ConnectorTaskId> tasks(JsonNode items) {
        List<ConnectorTaskId> found = new ArrayList<>();
        for (JsonNode item : items)
            if (item.get(1).asInt() != -1) found.add(new ConnectorTaskId(item.get(0).asText(), item.get(1).asInt()));
        return found;
    }

    static ObjectNode readMetadata(ByteBuffer content) {
        ExtendedWorkerState state = IncrementalCooperativeConnectProtocol.deserializeMetadata(content);
        ObjectNode node = MAPPER.createObjectNode().put("url", state.url()).put("offset", state.offset());
        boolean none = state.assignment() == null || state.assignment().equals(ExtendedAssignment.empty());
        node.set("allocation", none ? null : shown(state.assignment()));
        return node;
    }

    static ObjectNode shown(ExtendedAssignment made) {
        ObjectNode node = MAPPER.createObjectNode()
                .put("version", made.version())
                .put("error", made.error())
                .put("leader", made.leader())
                .put("leader_url", made.leaderUrl())
                .put("offset", made.offset())
                .put("delay_ms", made.delay());
        items(node.putArray("assigned"), made.connectors(), made.tasks());
        items(node.putArray("revoked"), made.revokedConnectors(), made.revokedTasks());
        return node;
    }

    static void items(ArrayNode array, Collection<String> connectors, Collection<ConnectorTaskId> tasks) {
        for (String name : connectors) array.addArray().add(name).add(-1);
        for (ConnectorTaskId task : tasks) array.addArray().add(task.connector()).add(task.task());
    }
}
