package polyphony.workflows;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.type.LogicalType;
import io.temporal.api.common.v1.Payload;
import io.temporal.common.converter.DataConverter;
import io.temporal.common.converter.DataConverterException;
import io.temporal.common.converter.DefaultDataConverter;
import io.temporal.common.converter.JacksonJsonPayloadConverter;
import io.temporal.worker.WorkflowImplementationOptions;
import java.io.IOException;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * How payloads are read. What a person typed ({@link WorkflowInput}) is read strictly, and where
 * that fails the workflow fails at once with a line that names the field. Everything else keeps
 * Temporal's own behaviour: a result that a wrong deployment cannot read waits for the right one,
 * instead of killing a run of days.
 *
 * <p>Both halves are needed: clients and workers use {@link #create}, workers register workflows
 * with {@link #implementationOptions}.
 */
public final class PolyphonyDataConverter {
  /** Far more than any spec needs. */
  private static final int MAX_INPUT_BYTES = 1 << 20;

  private static final ObjectMapper STRICT = strict();

  /** For clients and workers alike. */
  public static DataConverter create() {
    return DefaultDataConverter.newDefaultInstance()
        .withPayloadConverterOverrides(new FailFastJson());
  }

  /** What workers register workflow implementations with: unreadable inputs fail the workflow. */
  public static WorkflowImplementationOptions implementationOptions() {
    return WorkflowImplementationOptions.newBuilder()
        .setFailWorkflowExceptionTypes(InvalidInputException.class, InvalidSpecException.class)
        .build();
  }

  /**
   * Reads a spec as the workflow would; an empty text or {@code null} is a spec in which nothing is
   * set.
   *
   * @throws InvalidInputException naming the field and what is allowed
   */
  public static ExperimentSpec parse(String json) {
    return parse(json.getBytes(StandardCharsets.UTF_8));
  }

  /** As {@link #parse(String)}, of UTF-8. */
  public static ExperimentSpec parse(byte[] json) {
    return parse(json, ExperimentSpec.class, ExperimentSpec.empty());
  }

  /** As {@link #parse(byte[])}, of a comparison's spec. */
  public static ComparisonSpec parseComparison(byte[] json) {
    return parse(json, ComparisonSpec.class, ComparisonSpec.empty());
  }

  private static <T> T parse(byte[] json, Class<T> type, T empty) {
    if (new String(json, StandardCharsets.UTF_8).isBlank()) {
      return empty;
    }
    T spec = type.cast(read(json, STRICT.constructType(type)));
    return spec == null ? empty : spec;
  }

  /** A record as JSON without its open fields. */
  static ObjectNode toTree(Object value) {
    return STRICT.valueToTree(value);
  }

  static String write(JsonNode tree) throws JsonProcessingException {
    return STRICT.writeValueAsString(tree);
  }

  private static ObjectMapper strict() {
    JsonMapper.Builder builder =
        JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .defaultPropertyInclusion(
                JsonInclude.Value.construct(
                    JsonInclude.Include.NON_NULL, JsonInclude.Include.ALWAYS));
    for (CoercionInputShape shape :
        List.of(CoercionInputShape.Integer, CoercionInputShape.Float, CoercionInputShape.Boolean)) {
      builder.withCoercionConfig(
          LogicalType.Textual, config -> config.setCoercion(shape, CoercionAction.Fail));
    }
    return builder.build();
  }

  private static Object read(byte[] json, JavaType type) {
    if (json.length > MAX_INPUT_BYTES) {
      throw new InvalidInputException(
          "the input has " + json.length + " bytes, allowed: up to " + MAX_INPUT_BYTES, null);
    }
    try {
      return STRICT.readValue(json, type);
    } catch (UnrecognizedPropertyException e) {
      String allowed =
          e.getKnownPropertyIds().stream()
              .map(Object::toString)
              .sorted()
              .collect(Collectors.joining(", "));
      throw new InvalidInputException(path(e) + " is not a field, allowed: " + allowed, e);
    } catch (MismatchedInputException e) {
      throw new InvalidInputException(path(e) + " must be " + expected(e.getTargetType()), e);
    } catch (JacksonException e) {
      throw new InvalidInputException("the input is not valid JSON: " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw new InvalidInputException("the input cannot be read: " + e.getMessage(), e);
    }
  }

  private static String path(JsonMappingException problem) {
    String path =
        problem.getPath().stream()
            .map(
                step ->
                    step.getFieldName() == null ? "[" + step.getIndex() + "]" : step.getFieldName())
            .collect(Collectors.joining("."));
    return path.isEmpty() ? "the input" : path;
  }

  private static String expected(Class<?> type) {
    if (type == null) {
      return "something else";
    } else if (type == Integer.class || type == Long.class) {
      return "a whole number";
    } else if (type == Double.class) {
      return "a number";
    } else if (type == Boolean.class) {
      return "true or false";
    } else if (type == String.class) {
      return "a text in quotes";
    } else if (List.class.isAssignableFrom(type)) {
      return "a list in brackets";
    } else if (type == TaskSpec.class) {
      return "a task's name in quotes or a JSON object";
    } else if (type == ExperimentSpec.class) {
      return "a JSON object or a method's name in quotes";
    }
    return "a JSON object";
  }

  private static final class FailFastJson extends JacksonJsonPayloadConverter {
    /** Of a spec, what was asked for and nothing else, since people read it in the Web UI. */
    @Override
    public Optional<Payload> toData(Object value) throws DataConverterException {
      return super.toData(value instanceof WorkflowInput ? toTree(value) : value);
    }

    @Override
    public <T> T fromData(Payload content, Class<T> valueClass, Type valueType)
        throws DataConverterException {
      if (WorkflowInput.class.isAssignableFrom(valueClass)) {
        return valueClass.cast(
            read(content.getData().toByteArray(), STRICT.constructType(valueType)));
      }
      return super.fromData(content, valueClass, valueType);
    }
  }

  private PolyphonyDataConverter() {}
}
