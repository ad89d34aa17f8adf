import java.io.BufferedReader;
import java.io.InputStreamReader;
import org.apache.kafka.common.utils.Exit;
import org.apache.kafka.connect.cli.ConnectStandalone;

/** Runs the original's command once for each line of standard input (arguments between tabs); prints exit statuses. */
public class CommandLine {
    static int status;

    public static void main(String[] unused) throws Exception {
        Exit.setExitProcedure((code, message) -> {
            // What the command does after its first exit would not happen in a process of its own.
            if (status < 0) status = code;
            throw new IllegalStateException("exit " + code);
        });
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            status = -1;
            try {
                ConnectStandalone.main(line.equals("(none)") ? new String[0] : line.split("\t", -1));
            } catch (IllegalStateException exit) {
                // The status is known.
            }
            System.out.println("exit status " + status);
        }
        Runtime.getRuntime().halt(0);
    }
}
