package polyphony.workers;

/**
 * Where artifacts lie on an S3 endpoint.
 *
 * @param endpoint such as {@code http://minio:9000}
 */
public record S3Settings(String endpoint, String bucket, String accessKey, String secretKey) {
  /** Without the keys, so that no log or message can hold them. */
  @Override
  public String toString() {
    return endpoint + "/" + bucket;
  }
}
