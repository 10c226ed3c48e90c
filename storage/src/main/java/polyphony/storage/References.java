package polyphony.storage;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/** Finds the artifacts that JSON names, wherever in it. */
public final class References {
  private References() {}

  /** Every artifact that is named by a value that has a JSON form, in order of appearance. */
  public static Set<ArtifactRef> of(Object value) {
    return in(CanonicalJson.tree(value));
  }

  /** Every artifact that is named, in order of appearance. */
  public static Set<ArtifactRef> in(JsonNode json) {
    return new LinkedHashSet<>(byPath(json).values());
  }

  /** Every artifact that is named, by where it is: such as {@code previous[1]}. */
  public static Map<String, ArtifactRef> byPath(JsonNode json) {
    Map<String, ArtifactRef> found = new LinkedHashMap<>();
    collect(json, "", found);
    return found;
  }

  /**
   * Every artifact that a JSON document names.
   *
   * @throws IOException where it is none
   */
  public static Set<ArtifactRef> in(byte[] json) throws IOException {
    return in(CanonicalJson.parsed(json, JsonNode.class));
  }

  private static void collect(JsonNode node, String path, Map<String, ArtifactRef> found) {
    if (isReference(node)) {
      try {
        found.put(path, CanonicalJson.MAPPER.treeToValue(node, ArtifactRef.class));
        return;
      } catch (JsonProcessingException e) {
        // An object that happens to have these fields.
      }
    }
    if (node.isObject()) {
      node.properties()
          .forEach(
              field ->
                  collect(
                      field.getValue(),
                      path.isEmpty() ? field.getKey() : path + "." + field.getKey(),
                      found));
    } else {
      for (int i = 0; i < node.size(); i++) {
        collect(node.get(i), path + "[" + i + "]", found);
      }
    }
  }

  private static boolean isReference(JsonNode node) {
    return node.isObject()
        && node.size() == 4
        && node.has("sha256")
        && node.has("bytes")
        && node.has("mediaType")
        && node.has("name");
  }
}
