package polyphony.activities.lm;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.Pattern;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/**
 * Tensors in safetensors files: an 8-byte little-endian header length, a JSON header, then the
 * bytes. A large model is cut into several such files, its shards, with an index that says which
 * tensor lies in which. No file is trusted: names, sizes, offsets and types are checked before
 * anything is read.
 */
public final class Weights {
  /**
   * Where one tensor lies.
   *
   * @param type such as F32, F16, BF16
   * @param offset of its first byte in the file
   */
  public record Tensor(
      Path file, String name, String type, long[] shape, long offset, long bytes) {}

  /** The element types that {@link #floats} understands. */
  public static final List<String> FLOAT_TYPES = List.of("F32", "F16", "BF16");

  /** The name of the one weights file of a model folder that is not sharded. */
  public static final String FILE = "model.safetensors";

  /** The name of a sharded model's index. */
  public static final String INDEX = "model.safetensors.index.json";

  /** A plain name, so that no index leads out of the model's folder. */
  private static final Pattern SHARD =
      Pattern.compile("[A-Za-z0-9_-][A-Za-z0-9._-]*\\.safetensors");

  private static final int CHUNK_BYTES = 1 << 18;

  /** A tensor takes some 100; the greatest shards hold a few thousand. */
  private static final long MAX_HEADER_BYTES = 8 << 20;

  /** Brackets, names and values; a tensor takes 16. */
  private static final long MAX_JSON_TOKENS = 1 << 20;

  private static final int MAX_NESTING = 8;
  private static final Map<String, Integer> ELEMENT_BYTES =
      Map.ofEntries(
          Map.entry("F64", 8),
          Map.entry("F32", 4),
          Map.entry("F16", 2),
          Map.entry("BF16", 2),
          Map.entry("I64", 8),
          Map.entry("I32", 4),
          Map.entry("I16", 2),
          Map.entry("I8", 1),
          Map.entry("U8", 1),
          Map.entry("BOOL", 1));
  private static final ObjectMapper JSON =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(MAX_NESTING)
                          .maxTokenCount(MAX_JSON_TOKENS)
                          .build())
                  .build())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private final Map<String, Tensor> tensors;
  private final Map<String, String> metadata;

  private Weights(Map<String, Tensor> tensors, Map<String, String> metadata) {
    this.tensors = Collections.unmodifiableMap(tensors);
    this.metadata = Collections.unmodifiableMap(metadata);
  }

  /**
   * Reads the header of {@code file}.
   *
   * @throws PolyphonyException DATA where the file is truncated or its header does not describe it
   */
  public static Weights open(Path file) {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long size = channel.size();
      if (size < 8) {
        throw broken(file, "has " + size + " bytes, less than a header's length field");
      }
      long headerBytes = readFully(channel, 0, 8, file).getLong(0);
      if (headerBytes < 2 || headerBytes > size - 8) {
        throw broken(
            file, "says its header has " + headerBytes + " bytes, but the file has " + size);
      }
      if (headerBytes > MAX_HEADER_BYTES) {
        throw broken(
            file,
            "has a header of "
                + headerBytes
                + " bytes, more than the "
                + MAX_HEADER_BYTES
                + " that are read");
      }
      byte[] header = readFully(channel, 8, (int) headerBytes, file).array();
      JsonNode json = parse(file, header);
      return new Weights(tensors(file, json, 8 + headerBytes, size), metadata(file, json));
    } catch (IOException e) {
      throw new PolyphonyException(
          ErrorClass.DATA,
          file + ": cannot be read; check that it exists and may be read, or copy it again",
          e);
    }
  }

  /**
   * Opens a model folder's weights: {@link #FILE}, or else every shard that {@link #INDEX} names.
   *
   * @throws PolyphonyException DATA where neither is there, a file is broken, or index and shards
   *     contradict each other
   */
  public static Weights openFolder(Path folder) {
    Path index = folder.resolve(INDEX);
    if (Files.exists(folder.resolve(FILE)) || !Files.exists(index)) {
      return open(folder.resolve(FILE));
    }
    Map<String, String> shardOf = shardOf(index);
    Map<String, Tensor> tensors = new TreeMap<>();
    for (String shard : new TreeSet<>(shardOf.values())) {
      if (!Files.isRegularFile(folder.resolve(shard))) {
        throw broken(index, "names " + shard + ", which the folder does not hold");
      }
      for (Tensor tensor : open(folder.resolve(shard)).tensors().values()) {
        // Also what keeps one tensor from lying in two shards.
        if (!shard.equals(shardOf.get(tensor.name()))) {
          throw broken(
              tensor.file(),
              "holds tensor " + tensor.name() + ", which " + INDEX + " does not say");
        }
        tensors.put(tensor.name(), tensor);
      }
    }
    shardOf.forEach(
        (name, shard) -> {
          if (!tensors.containsKey(name)) {
            throw broken(
                folder.resolve(shard), "lacks tensor " + name + " that " + INDEX + " says");
          }
        });
    return new Weights(tensors, Map.of());
  }

  /** Whether a name is one that {@link #openFolder} takes for weights: a plain one. */
  public static boolean isWeightsFile(String name) {
    return SHARD.matcher(name).matches();
  }

  private static Map<String, String> shardOf(Path index) {
    JsonNode map = JsonFile.read(index).path("weight_map");
    if (!map.isObject() || map.isEmpty()) {
      throw broken(index, "has no weight_map that says which tensor lies in which file");
    }
    Map<String, String> shardOf = new TreeMap<>();
    for (Map.Entry<String, JsonNode> entry : map.properties()) {
      String shard = entry.getValue().asText("");
      if (!entry.getValue().isTextual() || !SHARD.matcher(shard).matches()) {
        throw broken(
            index,
            "places tensor "
                + entry.getKey()
                + " in "
                + entry.getValue()
                + ", which is not the plain name of a .safetensors file in the folder");
      }
      shardOf.put(entry.getKey(), shard);
    }
    return shardOf;
  }

  private static JsonNode parse(Path file, byte[] header) {
    try {
      JsonNode json = JSON.readTree(header);
      if (json == null || !json.isObject()) {
        throw broken(file, "has a header that is not a JSON object");
      }
      return json;
    } catch (StreamConstraintsException e) {
      throw broken(file, "has a header that does not only describe tensors");
    } catch (IOException e) {
      throw broken(file, "has a header that is not JSON");
    }
  }

  private static Map<String, String> metadata(Path file, JsonNode header) {
    Map<String, String> metadata = new TreeMap<>();
    for (Map.Entry<String, JsonNode> entry : header.path("__metadata__").properties()) {
      if (!entry.getValue().isTextual()) {
        throw broken(file, "has metadata " + entry.getKey() + " that is not a string");
      }
      metadata.put(entry.getKey(), entry.getValue().asText());
    }
    return metadata;
  }

  private static Map<String, Tensor> tensors(Path file, JsonNode header, long start, long size) {
    Map<String, Tensor> tensors = new TreeMap<>();
    for (Map.Entry<String, JsonNode> entry : header.properties()) {
      String name = entry.getKey();
      if (name.equals("__metadata__")) {
        continue;
      }
      JsonNode value = entry.getValue();
      String type = value.path("dtype").asText("");
      Integer elementBytes = ELEMENT_BYTES.get(type);
      if (elementBytes == null) {
        throw broken(file, "has tensor " + name + " of unsupported type \"" + type + "\"");
      }
      long elements = 1;
      List<Long> shape = new ArrayList<>();
      for (JsonNode dimension : value.path("shape")) {
        if (!isLong(dimension) || dimension.asLong() < 0) {
          throw broken(file, "has tensor " + name + " with an impossible shape");
        }
        shape.add(dimension.asLong());
        try {
          elements = Math.multiplyExact(elements, dimension.asLong());
        } catch (ArithmeticException e) {
          throw broken(file, "has tensor " + name + " with an impossible shape");
        }
      }
      JsonNode offsets = value.path("data_offsets");
      if (!value.path("shape").isArray()
          || offsets.size() != 2
          || !isLong(offsets.path(0))
          || !isLong(offsets.path(1))) {
        throw broken(file, "has tensor " + name + " without shape or data_offsets");
      }
      long from = offsets.path(0).asLong();
      long to = offsets.path(1).asLong();
      if (from < 0 || to < from || to > size - start) {
        throw broken(
            file,
            "is cut off or damaged: tensor "
                + name
                + " should end at byte "
                + (start + to)
                + ", the file has "
                + size);
      }
      if (elements > Long.MAX_VALUE / elementBytes || to - from != elements * elementBytes) {
        throw broken(file, "has tensor " + name + " whose shape and size disagree");
      }
      tensors.put(
          name,
          new Tensor(
              file,
              name,
              type,
              shape.stream().mapToLong(Long::longValue).toArray(),
              start + from,
              to - from));
    }
    requireDisjoint(file, tensors.values());
    return tensors;
  }

  private static boolean isLong(JsonNode value) {
    return value.isIntegralNumber() && value.canConvertToLong();
  }

  private static void requireDisjoint(Path file, Iterable<Tensor> tensors) {
    List<Tensor> sorted = new ArrayList<>();
    tensors.forEach(sorted::add);
    sorted.sort((a, b) -> Long.compare(a.offset(), b.offset()));
    for (int i = 1; i < sorted.size(); i++) {
      if (sorted.get(i).offset() < sorted.get(i - 1).offset() + sorted.get(i - 1).bytes()) {
        throw broken(
            file,
            "has overlapping tensors " + sorted.get(i - 1).name() + " and " + sorted.get(i).name());
      }
    }
  }

  private static PolyphonyException broken(Path file, String what) {
    return PolyphonyException.data(file + " " + what + "; copy or export the file again");
  }

  private static ByteBuffer readFully(FileChannel channel, long position, int bytes, Path file)
      throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    readFully(channel, buffer, position, file);
    return buffer;
  }

  private static void readFully(FileChannel channel, ByteBuffer buffer, long position, Path file)
      throws IOException {
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, position + buffer.position()) < 0) {
        throw broken(file, "ends early");
      }
    }
    buffer.flip();
  }

  /** The tensors by name, in alphabetical order. */
  public Map<String, Tensor> tensors() {
    return tensors;
  }

  /** What the writer noted beside the tensors. */
  public Map<String, String> metadata() {
    return metadata;
  }

  /**
   * The tensor {@code name}.
   *
   * @throws PolyphonyException DATA where there is none
   */
  public Tensor tensor(String name) {
    Tensor tensor = tensors.get(name);
    if (tensor == null) {
      throw PolyphonyException.data("no tensor named " + name + "; the model folder is incomplete");
    }
    return tensor;
  }

  /** The tensor's values as 32-bit floats, row-major; F32, F16 and BF16 are understood. */
  public float[] floats(String name) {
    float[] values = new float[Math.toIntExact(elements(floatTensor(name).shape()))];
    floats(name, FloatBuffer.wrap(values));
    return values;
  }

  /**
   * As above, into memory of the caller's: that of a large tensor need not lie on the heap.
   *
   * @param into as long as the tensor; its position does not move
   */
  public void floats(String name, FloatBuffer into) {
    Tensor tensor = floatTensor(name);
    if (into.remaining() != elements(tensor.shape())) {
      throw new IllegalArgumentException(name + " does not fit " + into);
    }
    // Read rather than mapped: a file that shrinks under a mapping kills the process.
    ByteBuffer chunk = ByteBuffer.allocate(CHUNK_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    FloatBuffer rest = into.duplicate();
    try (FileChannel channel = FileChannel.open(tensor.file(), StandardOpenOption.READ)) {
      for (long at = 0; at < tensor.bytes(); at += CHUNK_BYTES) {
        chunk.clear().limit((int) Math.min(CHUNK_BYTES, tensor.bytes() - at));
        readFully(channel, chunk, tensor.offset() + at, tensor.file());
        widen(chunk, tensor.type(), rest);
      }
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(tensor.file() + ": cannot be read", e);
    }
  }

  /** Whether the bytes of as many 32-bit floats can be counted by an int, as buffers do. */
  public static boolean fitsBuffer(long[] shape) {
    return elements(shape) <= Integer.MAX_VALUE / 4;
  }

  private Tensor floatTensor(String name) {
    Tensor tensor = tensor(name);
    if (!FLOAT_TYPES.contains(tensor.type())) {
      throw PolyphonyException.data(
          tensor.file() + ": tensor " + name + " has type " + tensor.type() + ", not a float type");
    }
    if (!fitsBuffer(tensor.shape())) {
      throw PolyphonyException.data(
          tensor.file()
              + ": tensor "
              + name
              + " is larger than 2 GiB as 32-bit floats, which is not supported; use a smaller"
              + " model");
    }
    return tensor;
  }

  private static void widen(ByteBuffer bytes, String type, FloatBuffer into) {
    if (type.equals("F32")) {
      into.put(bytes.asFloatBuffer());
      return;
    }
    while (bytes.hasRemaining()) {
      short half = bytes.getShort();
      into.put(type.equals("BF16") ? Float.intBitsToFloat(half << 16) : halfToFloat(half));
    }
  }

  /** IEEE 754 binary16 to binary32, exactly. */
  static float halfToFloat(short half) {
    int sign = (half & 0x8000) << 16;
    int exponent = (half >> 10) & 0x1f;
    int fraction = half & 0x3ff;
    if (exponent == 0) {
      return Math.copySign(fraction * 0x1p-24f, Float.intBitsToFloat(sign | 0x3f800000));
    }
    int bits = exponent == 31 ? 0x7f800000 : (exponent + 112) << 23;
    return Float.intBitsToFloat(sign | bits | fraction << 13);
  }

  /**
   * Writes {@code tensors} as 32-bit floats, in alphabetical order, through a temporary file. Equal
   * tensors give equal bytes; the first one starts at a multiple of 64 (the format allows no gaps
   * between them).
   */
  public static void write(
      Path file,
      Map<String, FloatBuffer> tensors,
      Map<String, long[]> shapes,
      Map<String, String> metadata) {
    Map<String, long[]> written = new LinkedHashMap<>(shapes);
    written.keySet().retainAll(tensors.keySet());
    write(file, written, tensors::get, metadata);
  }

  /**
   * As above, but asks for each tensor's values only when they are about to be written, so that
   * they need not be in memory together.
   *
   * @param values called once for each name in {@code shapes}, in alphabetical order
   */
  public static void write(
      Path file,
      Map<String, long[]> shapes,
      Function<String, FloatBuffer> values,
      Map<String, String> metadata) {
    write(
        file,
        "F32",
        shapes,
        (name, into) -> {
          FloatBuffer rest = values.apply(name).duplicate();
          if (rest.remaining() != elements(shapes.get(name))) {
            throw new IllegalArgumentException(name + ": values and shape disagree");
          }
          ByteBuffer chunk = ByteBuffer.allocate(1 << 20).order(ByteOrder.LITTLE_ENDIAN);
          while (rest.hasRemaining()) {
            int count = Math.min(rest.remaining(), chunk.capacity() / 4);
            chunk.clear().limit(4 * count);
            chunk.asFloatBuffer().put(rest.slice().limit(count));
            rest.position(rest.position() + count);
            writeFully(into, chunk);
          }
        },
        metadata);
  }

  /** Writes the bytes of one tensor, little-endian, to where the channel stands. */
  interface Content {
    void write(String name, FileChannel into) throws IOException;
  }

  /** As above, of any type that {@link #open} accepts. */
  static void write(
      Path file,
      String type,
      Map<String, long[]> shapes,
      Content content,
      Map<String, String> metadata) {
    ObjectNode header = JSON.createObjectNode();
    ObjectNode meta = header.putObject("__metadata__");
    new TreeMap<>(metadata).forEach(meta::put);
    Map<String, long[]> sorted = new TreeMap<>(shapes);
    long offset = 0;
    for (Map.Entry<String, long[]> entry : sorted.entrySet()) {
      long bytes = elementBytes(type) * elements(entry.getValue());
      ObjectNode tensor = header.putObject(entry.getKey());
      tensor.put("dtype", type);
      ArrayNode shape = tensor.putArray("shape");
      for (long dimension : entry.getValue()) {
        shape.add(dimension);
      }
      tensor.putArray("data_offsets").add(offset).add(offset + bytes);
      offset += bytes;
    }
    try {
      byte[] json = JSON.writeValueAsBytes(header);
      int padded = (json.length + 8 + 63) / 64 * 64 - 8;
      ByteBuffer head = ByteBuffer.allocate(8 + padded).order(ByteOrder.LITTLE_ENDIAN);
      head.putLong(padded).put(json);
      head.put(" ".repeat(padded - json.length).getBytes(StandardCharsets.US_ASCII)).flip();
      Path temporary = file.resolveSibling(file.getFileName() + ".partial");
      try (FileChannel channel =
          FileChannel.open(
              temporary,
              StandardOpenOption.CREATE,
              StandardOpenOption.WRITE,
              StandardOpenOption.TRUNCATE_EXISTING)) {
        writeFully(channel, head);
        for (String name : sorted.keySet()) {
          content.write(name, channel);
        }
        channel.force(true);
      }
      Files.move(
          temporary, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw PolyphonyException.infrastructure(
          file + ": cannot be written; is the disk full? (" + e.getMessage() + ")", e);
    }
  }

  /** Bytes of one element of a type that {@link #open} accepts. */
  static int elementBytes(String type) {
    return ELEMENT_BYTES.get(type);
  }

  private static long elements(long[] shape) {
    return Arrays.stream(shape).reduce(1, Math::multiplyExact);
  }

  static void writeFully(FileChannel channel, ByteBuffer buffer) throws IOException {
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
  }
}
