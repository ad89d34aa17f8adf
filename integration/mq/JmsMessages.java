import com.ibm.mq.jmqi.JmqiDefaultPropertyHandler;
import com.ibm.mq.jmqi.JmqiDefaultThreadPoolFactory;
import com.ibm.mq.jmqi.JmqiEnvironment;
import com.ibm.mq.jmqi.JmqiFactory;
import com.ibm.mq.jmqi.JmqiMQ;
import com.ibm.mq.jmqi.MQMD;
import com.ibm.mq.jmqi.handles.Hconn;
import com.ibm.mq.jmqi.system.JmqiCodepage;
import com.ibm.mq.jmqi.system.JmqiComponent;
import com.ibm.mq.jmqi.system.JmqiComponentTls;
import com.ibm.mq.jmqi.system.JmqiSystemEnvironment;
import com.ibm.mq.jmqi.system.JmqiTls;
import com.ibm.mq.jms.MQQueue;
import com.ibm.msg.client.provider.ProviderMessage;
import com.ibm.msg.client.wmq.WMQConstants;
import com.ibm.msg.client.wmq.common.WMQThreadLocalStorage;
import com.ibm.msg.client.wmq.common.internal.WMQConsumerOwner;
import com.ibm.msg.client.wmq.common.internal.WMQDestination;
import com.ibm.msg.client.wmq.common.internal.messages.WMQBytesMessage;
import com.ibm.msg.client.wmq.common.internal.messages.WMQMarshal;
import com.ibm.msg.client.wmq.common.internal.messages.WMQMessage;
import com.ibm.msg.client.wmq.common.internal.messages.WMQNullMessage;
import com.ibm.msg.client.wmq.common.internal.messages.WMQReceiveMarshal;
import com.ibm.msg.client.wmq.common.internal.messages.WMQSendMarshal;
import com.ibm.msg.client.wmq.common.internal.messages.WMQTextMessage;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.HexFormat;
import java.util.Map;
import javax.jms.BytesMessage;
import javax.jms.JMSException;
import javax.jms.Message;
import javax.jms.TextMessage;
import org.json.JSONArray;
import org.json.JSONObject;

/**
 * What IBM's JMS classes make of the bytes of a message, and of a message as bytes, without any queue manager: one case a
 * line, one answer a line. What they ask their connection is answered here.
 */
public class JmsMessages {
    private static final String PROVIDER = "com.ibm.msg.client.wmq";
    private static final int DESCRIPTOR_SIZE = 364;
    private static final int POINTER_SIZE = 8;
    private static final int UTF_8 = 1208;
    private static final boolean LITTLE_ENDIAN = true;
    private static final HexFormat HEX = HexFormat.of();

    private static final JmqiSystemEnvironment ENVIRONMENT = environment();
    private static final int COMPONENT = ENVIRONMENT.registerComponent(new Component());
    private static final WMQThreadLocalStorage STORAGE =
        (WMQThreadLocalStorage) ENVIRONMENT.getComponentTls(COMPONENT);
    private static final JmqiTls TLS = ENVIRONMENT.getJmqiTls(STORAGE);
    private static final WMQConsumerOwner OWNER = answering(WMQConsumerOwner.class, Map.of(
        "getJmqiEnvironment", ENVIRONMENT,
        "getJmqiMQ", answering(JmqiMQ.class, Map.of("getTlsComponentId", COMPONENT)),
        "getHconn", answering(Hconn.class, Map.of("getCcsid", UTF_8)),
        "getThreadLocalStorage", STORAGE));

    public static void main(String[] arguments) throws Exception {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            JSONObject answer;
            try {
                answer = answer(new JSONObject(line));
            } catch (Throwable error) {
                answer = new JSONObject().put("error", String.valueOf(error));
            }
            out.println(answer);
        }
    }

    private static JSONObject answer(JSONObject wanted) throws Throwable {
        switch (wanted.getString("do")) {
            case "receive":
                return received(wanted);
            case "send":
                return sent(wanted);
            case "decode":
                return decoded(wanted);
            case "encode":
                return encoded(wanted);
            default:
                throw new IllegalArgumentException(wanted.getString("do"));
        }
    }

    // --- receiving ---------------------------------------------------------------------------------------------------

    private static JSONObject received(JSONObject wanted) throws Throwable {
        byte[] data = HEX.parseHex(wanted.getString("data"));
        MQMD descriptor = ENVIRONMENT.newMQMD();
        descriptor.readFromBuffer(
            HEX.parseHex(wanted.getString("md")), 0, POINTER_SIZE, LITTLE_ENDIAN, codepage(UTF_8), TLS);
        WMQReceiveMarshal marshal = WMQMarshal.newReceiveMarshal();
        marshal.importMQMDMesageBuffer(
            OWNER, destination(wanted), descriptor, ByteBuffer.wrap(data), 0, data.length, null);
        Message message = message(marshal.exportProviderMessage(false));
        byte[] correlation = message.getJMSCorrelationIDAsBytes();
        return new JSONObject()
            .put("type", message.getClass().getSimpleName())
            .put("body", body(message))
            .put("JMSMessageID", message.getJMSMessageID())
            .put("JMSCorrelationID", orNull(message.getJMSCorrelationID()))
            .put("JMSCorrelationIDAsBytes", correlation == null ? JSONObject.NULL : HEX.formatHex(correlation))
            .put("JMSTimestamp", message.getJMSTimestamp())
            .put("JMSDestination", message.getJMSDestination() == null ? JSONObject.NULL
                : message.getJMSDestination().toString())
            .put("properties", properties(message));
    }

    private static Object body(Message message) throws Exception {
        try {
            if (message instanceof TextMessage) {
                return orNull(message.getBody(String.class));
            }
            if (message instanceof BytesMessage) {
                return shown(message.getBody(byte[].class));
            }
            return shown(message.getBody(Object.class));
        } catch (JMSException error) {
            return new JSONObject().put("error", String.valueOf(error));
        }
    }

    private static JSONObject properties(Message message) throws Exception {
        JSONObject properties = new JSONObject();
        for (Object name : Collections.list(message.getPropertyNames())) {
            Object value = message.getObjectProperty((String) name);
            JSONArray shown = new JSONArray().put(value == null ? "null" : value.getClass().getSimpleName());
            properties.put((String) name, shown.put(shown(value)));
        }
        return properties;
    }

    private static Object shown(Object value) {
        if (value == null) {
            return JSONObject.NULL;
        }
        if (value instanceof byte[]) {
            return HEX.formatHex((byte[]) value);
        }
        return value instanceof String || value instanceof Boolean ? value : value.toString();
    }

    private static Object orNull(Object value) {
        return value == null ? JSONObject.NULL : value;
    }

    // --- sending -----------------------------------------------------------------------------------------------------

    private static JSONObject sent(JSONObject wanted) throws Throwable {
        WMQMessage provider = provider(wanted.getString("kind"));
        Message message = message(provider);
        message.clearBody();
        message.clearProperties();
        if (message instanceof TextMessage) {
            ((TextMessage) message).setText(wanted.getString("body"));
        } else if (message instanceof BytesMessage) {
            ((WMQBytesMessage) provider).setBytes(HEX.parseHex(wanted.getString("body")));
        }
        JSONArray refused = new JSONArray();
        JSONArray properties = wanted.getJSONArray("properties");
        for (int index = 0; index < properties.length(); index++) {
            JSONArray property = properties.getJSONArray(index);
            try {
                message.setObjectProperty(property.getString(0), value(property.getString(1), property.get(2)));
            } catch (Exception error) {
                refused.put(property.getString(0));
            }
        }
        if (wanted.has("correlation")) {
            message.setJMSCorrelationID(wanted.getString("correlation"));
        }
        if (wanted.has("correlationBytes")) {
            message.setJMSCorrelationIDAsBytes(HEX.parseHex(wanted.getString("correlationBytes")));
        }
        if (wanted.has("reply")) {
            message.setJMSReplyTo(new MQQueue(wanted.getString("reply")));
        }
        // a producer sets these on the message of the provider, in this order
        WMQDestination destination = destination(wanted);
        provider.setJMSDeliveryMode(wanted.getInt("delivery"));
        provider.setJMSPriority(wanted.getInt("priority"));
        provider.setJMSDestinationAsString(destination.toURI());
        provider.setJMSExpiration(wanted.getLong("expiration"));
        provider.setJMSTimestamp(wanted.getLong("timestamp"));
        WMQSendMarshal marshal = WMQMarshal.newSendMarshal();
        marshal.importProviderMessage(OWNER, provider, destination);
        MQMD descriptor = marshal.exportMQMD();
        descriptor.setVersion(2);
        byte[] packed = new byte[DESCRIPTOR_SIZE];
        descriptor.writeToBuffer(packed, 0, POINTER_SIZE, LITTLE_ENDIAN, codepage(UTF_8), TLS);
        return new JSONObject()
            .put("md", HEX.formatHex(packed))
            .put("data", together(marshal.exportMessageBuffers()))
            .put("refused", refused);
    }

    private static WMQMessage provider(String kind) {
        switch (kind) {
            case "text":
                return new WMQTextMessage();
            case "bytes":
                return new WMQBytesMessage();
            default:
                return new WMQNullMessage();
        }
    }

    private static String together(ByteBuffer[] buffers) {
        StringBuilder data = new StringBuilder();
        for (ByteBuffer buffer : buffers == null ? new ByteBuffer[0] : buffers) {
            if (buffer != null) {
                byte[] part = new byte[buffer.remaining()];
                buffer.duplicate().get(part);
                data.append(HEX.formatHex(part));
            }
        }
        return data.toString();
    }

    private static Object value(String type, Object given) {
        if (given == JSONObject.NULL) {
            return null;
        }
        String text = given.toString();
        switch (type) {
            case "Boolean":
                return Boolean.valueOf(text);
            case "Byte":
                return Byte.valueOf(text);
            case "Short":
                return Short.valueOf(text);
            case "Integer":
                return Integer.valueOf(text);
            case "Long":
                return Long.valueOf(text);
            case "Float":
                return Float.valueOf(text);
            case "Double":
                return Double.valueOf(text);
            case "byte[]":
                return HEX.parseHex(text);
            default:
                return text;
        }
    }

    // --- character sets ----------------------------------------------------------------------------------------------

    private static JSONObject decoded(JSONObject wanted) throws Exception {
        JmqiCodepage codepage = codepage(wanted.getInt("ccsid"));
        return new JSONObject()
            .put("name", codepage.charsetId)
            .put("text", codepage.bytesToString(HEX.parseHex(wanted.getString("data"))));
    }

    private static JSONObject encoded(JSONObject wanted) throws Exception {
        byte[] data = codepage(wanted.getInt("ccsid")).stringToBytes(wanted.getString("text"));
        return new JSONObject().put("data", HEX.formatHex(data));
    }

    private static JmqiCodepage codepage(int ccsid) {
        return JmqiCodepage.getJmqiCodepage(ENVIRONMENT, ccsid);
    }

    // --- in place of a connection --------------------------------------------------------------------------------------

    /** A queue as IBM's connectors configure it; of a source when it says whether the descriptor is read. */
    private static WMQDestination destination(JSONObject wanted) throws Exception {
        String name = wanted.getString("queue");
        WMQDestination destination = new WMQDestination(1, name, new MQQueue("queue:///" + name));
        destination.setIntProperty(WMQConstants.WMQ_MESSAGE_BODY,
            wanted.getBoolean("jms") ? WMQConstants.WMQ_MESSAGE_BODY_JMS : WMQConstants.WMQ_MESSAGE_BODY_MQ);
        if (wanted.optBoolean("reads")) {
            destination.setBooleanProperty(WMQConstants.WMQ_MQMD_READ_ENABLED, true);
        }
        if (wanted.optBoolean("writes")) {
            destination.setBooleanProperty(WMQConstants.WMQ_MQMD_WRITE_ENABLED, true);
        }
        if (wanted.has("context")) {
            destination.setIntProperty(WMQConstants.WMQ_MQMD_MESSAGE_CONTEXT, wanted.getInt("context"));
        }
        return destination;
    }

    private static Message message(ProviderMessage provider) throws Throwable {
        Method wrap = Class.forName("com.ibm.msg.client.jms.internal.JmsMessageImpl").getDeclaredMethod(
            "inboundJmsInstance", ProviderMessage.class,
            Class.forName("com.ibm.msg.client.jms.internal.JmsSessionImpl"), String.class);
        wrap.setAccessible(true);
        try {
            return (Message) wrap.invoke(null, provider, null, PROVIDER);
        } catch (InvocationTargetException error) {
            throw error.getCause();
        }
    }

    private static JmqiSystemEnvironment environment() {
        try {
            JmqiEnvironment made =
                JmqiFactory.getInstance(new JmqiDefaultThreadPoolFactory(), new JmqiDefaultPropertyHandler());
            return (JmqiSystemEnvironment) made;
        } catch (Exception error) {
            throw new ExceptionInInitializerError(error);
        }
    }

    private static <T> T answering(Class<T> kind, Map<String, Object> answers) {
        return kind.cast(Proxy.newProxyInstance(
            JmsMessages.class.getClassLoader(), new Class<?>[] {kind}, (proxy, method, given) -> {
                Class<?> type = method.getReturnType();
                Object otherwise = type == boolean.class ? (Object) false : type == int.class ? (Object) 0 : null;
                return answers.getOrDefault(method.getName(), otherwise);
            }));
    }

    private static final class Component implements JmqiComponent {
        @Override
        public String getJmqiComponentName() {
            return "messages";
        }

        @Override
        public JmqiComponentTls newTlsObject() {
            return new WMQThreadLocalStorage();
        }
    }
}
