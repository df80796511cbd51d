import java.nio.file.Path;
import org.apache.solr.embedded.JettyConfig;
import org.apache.solr.embedded.JettySolrRunner;

/** Solr 9 in one JVM, without a Solr distribution: {@code SolrServer HOME PORT}, loopback only, until SIGTERM. */
public final class SolrServer {
  private SolrServer() {}

  public static void main(String[] arguments) throws Exception {
    String home = Path.of(arguments[0]).toAbsolutePath().toString();
    JettyConfig config =
        JettyConfig.builder()
            .setPort(Integer.parseInt(arguments[1]))
            .setContext("/solr")
            .useOnlyHttp1(true)
            .enableV2(false) // CKAN speaks the first API only; the second one costs a second at every start
            .stopAtShutdown(true)
            .build();
    new JettySolrRunner(home, config).start(); // Jetty's own threads keep the JVM alive
  }
}
