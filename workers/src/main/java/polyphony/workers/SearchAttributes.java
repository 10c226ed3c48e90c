package polyphony.workers;

import io.grpc.StatusRuntimeException;
import io.temporal.api.enums.v1.IndexedValueType;
import io.temporal.api.operatorservice.v1.AddSearchAttributesRequest;
import io.temporal.api.operatorservice.v1.ListSearchAttributesRequest;
import io.temporal.api.operatorservice.v1.OperatorServiceGrpc.OperatorServiceBlockingStub;
import io.temporal.serviceclient.OperatorServiceStubs;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import polyphony.storage.PolyphonyException;
import polyphony.workflows.ExperimentSearchAttributes;

/**
 * The attributes by which experiments are found; a service must know them before a workflow does.
 */
final class SearchAttributes {
  private static final long ANSWER_SECONDS = 20;

  private SearchAttributes() {}

  /**
   * Registers those that the service does not know yet.
   *
   * @return their names
   * @throws PolyphonyException CONFIG where one of them is there with another type, or this client
   *     may not register it; INFRASTRUCTURE where the service does not answer
   */
  static Set<String> register(TemporalAccess temporal) {
    OperatorServiceStubs operator = temporal.operator();
    try {
      Map<String, IndexedValueType> missing = missing(known(temporal, operator), temporal);
      Set<String> added = new TreeSet<>();
      // One by one: of several, a service refuses all for one that it knows.
      for (Map.Entry<String, IndexedValueType> each : missing.entrySet()) {
        if (add(temporal, operator, each.getKey(), each.getValue())) {
          added.add(each.getKey());
        }
      }
      return added;
    } finally {
      operator.shutdownNow();
    }
  }

  private static Map<String, IndexedValueType> missing(
      Map<String, IndexedValueType> known, TemporalAccess temporal) {
    Map<String, IndexedValueType> missing = wanted();
    for (Map.Entry<String, IndexedValueType> each : wanted().entrySet()) {
      IndexedValueType type = known.get(each.getKey());
      if (type == each.getValue()) {
        missing.remove(each.getKey());
      } else if (type != null) {
        throw PolyphonyException.config(
            "the search attribute "
                + each.getKey()
                + " of the namespace "
                + temporal.namespace()
                + " is "
                + shown(type)
                + ", it must be "
                + shown(each.getValue())
                + ": remove it there (temporal operator search-attribute remove) and run polyphony"
                + " bootstrap");
      }
    }
    return missing;
  }

  private static Map<String, IndexedValueType> wanted() {
    Map<String, IndexedValueType> all = new TreeMap<>();
    ExperimentSearchAttributes.ALL.forEach(key -> all.put(key.getName(), key.getValueType()));
    return all;
  }

  private static Map<String, IndexedValueType> known(
      TemporalAccess temporal, OperatorServiceStubs operator) {
    try {
      return stub(operator)
          .listSearchAttributes(
              ListSearchAttributesRequest.newBuilder().setNamespace(temporal.namespace()).build())
          .getCustomAttributesMap();
    } catch (StatusRuntimeException e) {
      return switch (e.getStatus().getCode()) {
        // Whoever may not look may still use what an administrator has registered.
        case PERMISSION_DENIED -> wanted();
        // The service in this process takes them, but does not tell which it has.
        case UNIMPLEMENTED -> Map.of();
        default -> throw temporal.failure(e);
      };
    }
  }

  /**
   * @return whether it was not there before
   */
  private static boolean add(
      TemporalAccess temporal, OperatorServiceStubs operator, String name, IndexedValueType type) {
    try {
      stub(operator)
          .addSearchAttributes(
              AddSearchAttributesRequest.newBuilder()
                  .setNamespace(temporal.namespace())
                  .putSearchAttributes(name, type)
                  .build());
      return true;
    } catch (StatusRuntimeException e) {
      return switch (e.getStatus().getCode()) {
        case ALREADY_EXISTS -> false;
        case UNAVAILABLE, DEADLINE_EXCEEDED, NOT_FOUND -> throw temporal.failure(e);
        default ->
            throw PolyphonyException.config(
                temporal
                    + " does not let this client register the search attribute "
                    + name
                    + " ("
                    + TemporalAccess.reason(e.getStatus())
                    + "): have polyphony bootstrap run by whoever administers it");
      };
    }
  }

  private static OperatorServiceBlockingStub stub(OperatorServiceStubs operator) {
    return operator.blockingStub().withDeadlineAfter(ANSWER_SECONDS, TimeUnit.SECONDS);
  }

  private static String shown(IndexedValueType type) {
    return type.name().replaceFirst("^INDEXED_VALUE_TYPE_", "");
  }
}
