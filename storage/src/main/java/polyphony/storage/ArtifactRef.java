package polyphony.storage;

import java.util.Objects;
import java.util.regex.Pattern;

/**
 * Names one immutable artifact by its content. This is the only thing that travels through workflow
 * histories: artifacts themselves stay in the store.
 *
 * @param sha256 lower-case hexadecimal SHA-256 of the content, 64 characters
 * @param bytes size of the content
 * @param mediaType such as {@code application/jsonl}
 * @param name what a person calls it, such as {@code answers.jsonl}; not part of its identity
 */
public record ArtifactRef(String sha256, long bytes, String mediaType, String name) {
  private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

  public ArtifactRef {
    Objects.requireNonNull(mediaType, "mediaType");
    Objects.requireNonNull(name, "name");
    if (sha256 == null || !SHA256.matcher(sha256).matches()) {
      throw new IllegalArgumentException("not a SHA-256 in lower-case hexadecimal: " + sha256);
    }
    if (bytes < 0) {
      throw new IllegalArgumentException("negative size: " + bytes);
    }
  }
}
