package polyphony.activities.lm;

import ai.onnxruntime.platform.Fp16Conversions;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Copies of a model folder with other weights files. */
public final class ModelFiles {
  private ModelFiles() {}

  /** A copy in F32 whose tensors went through {@code change}. */
  public static LanguageModel changed(
      LanguageModel model, Path folder, BiConsumer<String, float[]> change) {
    copyOthers(model, folder);
    Map<String, FloatBuffer> tensors = new LinkedHashMap<>();
    Map<String, long[]> shapes = model.config().weightShapes();
    for (String name : shapes.keySet()) {
      float[] values = model.weights().floats(name);
      change.accept(name, values);
      tensors.put(name, FloatBuffer.wrap(values));
    }
    Weights.write(folder.resolve("model.safetensors"), tensors, shapes, Map.of());
    return LanguageModel.open(folder);
  }

  /** A copy rounded to F16 or BF16. */
  public static LanguageModel narrowed(LanguageModel model, Path folder, String type) {
    write(model, folder, type, 0);
    return LanguageModel.open(folder);
  }

  /** A copy in F32 whose tensors start at odd bytes. */
  public static void misaligned(LanguageModel model, Path folder) {
    write(model, folder, "F32", 1);
  }

  /** A copy of another element type. */
  public static void retyped(LanguageModel model, Path folder, String type) {
    write(model, folder, type, 0);
  }

  /** A copy in F32 whose tensors are dealt out to {@code count} shards, with their index. */
  public static void sharded(LanguageModel model, Path folder, int count) {
    copyOthers(model, folder);
    Map<String, long[]> shapes = model.config().weightShapes();
    List<Map<String, FloatBuffer>> shards = new ArrayList<>();
    ObjectNode index = new ObjectMapper().createObjectNode();
    index.putObject("metadata").put("total_size", 4 * model.config().parameters());
    ObjectNode map = index.putObject("weight_map");
    for (String name : shapes.keySet()) {
      int shard = map.size() % count;
      if (shards.size() == shard) {
        shards.add(new LinkedHashMap<>());
      }
      shards.get(shard).put(name, FloatBuffer.wrap(model.weights().floats(name)));
      map.put(name, shardName(shard, count));
    }
    for (int shard = 0; shard < count; shard++) {
      Weights.write(folder.resolve(shardName(shard, count)), shards.get(shard), shapes, Map.of());
    }
    try {
      Files.writeString(folder.resolve(Weights.INDEX), index.toString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String shardName(int shard, int count) {
    return String.format(Locale.ROOT, "model-%05d-of-%05d.safetensors", shard + 1, count);
  }

  private static void copyOthers(LanguageModel model, Path folder) {
    try (Stream<Path> files = Files.list(model.folder())) {
      Files.createDirectories(folder);
      for (Path file : files.filter(f -> f.toString().endsWith(".json")).toList()) {
        Files.copy(file, folder.resolve(file.getFileName()));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void write(LanguageModel model, Path folder, String type, int shift) {
    copyOthers(model, folder);
    Map<String, byte[]> tensors = new TreeMap<>();
    for (String name : model.config().weightShapes().keySet()) {
      tensors.put(name, encode(model.weights().floats(name), type));
    }
    StringBuilder header = new StringBuilder("{");
    long offset = 0;
    for (Map.Entry<String, byte[]> tensor : tensors.entrySet()) {
      String shape =
          Arrays.stream(model.config().weightShapes().get(tensor.getKey()))
              .mapToObj(Long::toString)
              .collect(Collectors.joining(","));
      header
          .append(offset == 0 ? "" : ",")
          .append("\"" + tensor.getKey() + "\":{\"dtype\":\"" + type + "\",\"shape\":[" + shape)
          .append("],\"data_offsets\":[" + offset + "," + (offset + tensor.getValue().length))
          .append("]}");
      offset += tensor.getValue().length;
    }
    header.append("}");
    while (header.length() % 8 != shift) {
      header.append(" ");
    }
    ByteBuffer file =
        ByteBuffer.allocate(8 + header.length() + (int) offset).order(ByteOrder.LITTLE_ENDIAN);
    file.putLong(header.length()).put(header.toString().getBytes(StandardCharsets.US_ASCII));
    tensors.values().forEach(file::put);
    try {
      Files.write(folder.resolve("model.safetensors"), file.array());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static byte[] encode(float[] values, String type) {
    int size = type.equals("F64") ? 8 : type.equals("F32") ? 4 : 2;
    ByteBuffer bytes = ByteBuffer.allocate(size * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      switch (type) {
        case "F64" -> bytes.putDouble(value);
        case "F32" -> bytes.putFloat(value);
        case "F16" -> bytes.putShort(Fp16Conversions.floatToFp16(value));
        case "BF16" -> bytes.putShort(Fp16Conversions.floatToBf16(value));
        default -> throw new IllegalArgumentException(type);
      }
    }
    return bytes.array();
  }
}
