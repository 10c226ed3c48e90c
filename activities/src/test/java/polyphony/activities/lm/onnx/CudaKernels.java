package polyphony.activities.lm.onnx;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import polyphony.activities.lm.onnx.GraphBuilder.ElementType;

/** The kernels of {@code cuda-kernels.txt}. */
final class CudaKernels {
  private static final String HOST = "@host";
  private static final String MANY = "...";
  private static final Map<String, Signature> SIGNATURES = read();

  private CudaKernels() {}

  /** One place of an operator's inputs or outputs. */
  private record Place(String type, boolean host, boolean many) {}

  private record Signature(
      List<Place> inputs, List<Place> outputs, Map<String, Set<ElementType>> parameters) {
    static Place at(List<Place> places, int index) {
      Place last = places.get(places.size() - 1);
      return index < places.size() ? places.get(index) : last.many() ? last : null;
    }
  }

  /** A node's kernel, for the types that it has. */
  record Kernel(Signature signature, Map<String, ElementType> types, NodeProto node) {
    boolean inputOnHost(int index) {
      return Signature.at(signature.inputs(), index).host();
    }

    boolean outputOnHost(int index) {
      return Signature.at(signature.outputs(), index).host();
    }

    ElementType output(int index) {
      String type = Signature.at(signature.outputs(), index).type();
      if (!type.equals("attribute")) {
        return types.containsKey(type) ? types.get(type) : element(type);
      }
      for (AttributeProto attribute : node.getAttributeList()) {
        if (attribute.getName().equals("to")) {
          return ElementType.of((int) attribute.getI());
        }
      }
      return ElementType.FLOAT; // ConstantOfShape without a value
    }
  }

  /** The kernel for a node whose inputs have these types; empty where there is none. */
  static Optional<Kernel> find(NodeProto node, List<Optional<ElementType>> inputs) {
    String domain = node.getDomain().isEmpty() ? "" : node.getDomain() + ".";
    Signature signature = SIGNATURES.get(domain + node.getOpType());
    if (signature == null) {
      return Optional.empty();
    }
    Map<String, ElementType> types = new HashMap<>();
    for (int i = 0; i < inputs.size(); i++) {
      if (inputs.get(i).isEmpty()) {
        continue;
      }
      Place place = Signature.at(signature.inputs(), i);
      if (place == null) {
        return Optional.empty();
      }
      ElementType actual = inputs.get(i).get();
      Set<ElementType> allowed = signature.parameters().get(place.type());
      boolean fits =
          allowed == null
              ? actual == element(place.type())
              : allowed.contains(actual)
                  && types.merge(place.type(), actual, (old, other) -> old) == actual;
      if (!fits) {
        return Optional.empty();
      }
    }
    return Optional.of(new Kernel(signature, types, node));
  }

  private static ElementType element(String name) {
    return ElementType.valueOf(name.toUpperCase(Locale.ROOT));
  }

  private static Map<String, Signature> read() {
    Map<String, Signature> signatures = new HashMap<>();
    for (String line : lines()) {
      if (line.startsWith("#") || line.isBlank()) {
        continue;
      }
      String[] columns = line.split("\\|", -1);
      String[] sides = columns[1].split("->", -1);
      Map<String, Set<ElementType>> parameters = new HashMap<>();
      for (String parameter : columns[2].split(";", -1)) {
        if (!parameter.isBlank()) {
          String[] parts = parameter.split("=", -1);
          parameters.put(
              parts[0].strip(),
              Arrays.stream(parts[1].split(",", -1))
                  .map(type -> element(type.strip()))
                  .collect(Collectors.toSet()));
        }
      }
      signatures.put(
          columns[0].strip(), new Signature(places(sides[0]), places(sides[1]), parameters));
    }
    return signatures;
  }

  private static List<Place> places(String side) {
    List<Place> places = new ArrayList<>();
    for (String place : side.split(",", -1)) {
      String type = place.strip();
      boolean many = type.endsWith(MANY);
      boolean host = type.endsWith(HOST);
      places.add(new Place(type.replace(MANY, "").replace(HOST, ""), host, many));
    }
    return places;
  }

  private static List<String> lines() {
    try (InputStream in =
        CudaKernels.class.getResourceAsStream("/polyphony/activities/lm/cuda-kernels.txt")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
