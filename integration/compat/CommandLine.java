import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.Method;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs a command of the original, whose main class is the argument, once for each line of standard input (the command's
 * arguments between tabs); prints exit statuses.
 */
public class CommandLine {
    /** How the command ends that a thread works for; what it does after that would not happen in a process of its own. */
    static final InheritableThreadLocal<CompletableFuture<Integer>> STATUS = new InheritableThreadLocal<>();

    public static void main(String[] command) throws Exception {
        Method main = Class.forName(command[0]).getMethod("main", String[].class);
        Exit.setExitProcedure((code, message) -> {
            STATUS.get().complete(code);
            throw new IllegalStateException("exit " + code);
        });
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] arguments = line.equals("(none)") ? new String[0] : line.split("\t", -1);
            CompletableFuture<Integer> status = new CompletableFuture<>();
            STATUS.set(status);
            Thread thread = new Thread(() -> run(main, arguments));
            thread.setDaemon(true);
            thread.start();
            // Not for the thread: a worker whose herder has given up would go on waiting.
            System.out.println("exit status " + status.get());
        }
        Runtime.getRuntime().halt(0);
    }

    static void run(Method main, String[] arguments) {
        try {
            main.invoke(null, (Object) arguments);
            STATUS.get().complete(0);
        } catch (ReflectiveOperationException exit) {
            // The status is known.
        }
    }
}
