package polyphony.storage;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.Objects;

/**
 * Where an S3 bucket is and who may use it.
 *
 * @param endpoint such as {@code https://minio.example:9000}: scheme, host and port only
 * @param bucket must exist
 * @param region as the endpoint wants it; MinIO takes {@code us-east-1}
 * @param accessKey user name
 * @param secretKey password; neither is ever shown
 */
public record S3Settings(
    String endpoint, String bucket, String region, String accessKey, String secretKey) {
  public static final String DEFAULT_REGION = "us-east-1";

  public S3Settings {
    Objects.requireNonNull(bucket, "bucket");
    Objects.requireNonNull(region, "region");
    Objects.requireNonNull(accessKey, "accessKey");
    Objects.requireNonNull(secretKey, "secretKey");
    if (endpoint == null || !isEndpoint(endpoint)) {
      // Not shown: it may hold a password.
      throw PolyphonyException.config(
          "the S3 endpoint must be http:// or https:// with host and port and nothing else, such as"
              + " http://localhost:9000; credentials have settings of their own");
    }
  }

  @Override
  public String toString() {
    return "the bucket " + bucket + " at " + endpoint;
  }

  private static boolean isEndpoint(String endpoint) {
    try {
      URI uri = new URI(endpoint);
      return ("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))
          && uri.getHost() != null
          && uri.getRawUserInfo() == null
          && (uri.getRawPath().isEmpty() || uri.getRawPath().equals("/"))
          && uri.getRawQuery() == null
          && uri.getRawFragment() == null;
    } catch (URISyntaxException e) {
      return false;
    }
  }
}
