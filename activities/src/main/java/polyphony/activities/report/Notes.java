package polyphony.activities.report;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import polyphony.storage.ErrorClass;
import polyphony.storage.PolyphonyException;

/** What a report lacks, and why: damage in a store must not cost more than what was damaged. */
final class Notes {
  private final Set<String> notes = new LinkedHashSet<>();

  void add(String note) {
    notes.add(note);
  }

  /**
   * Reads a part of a report.
   *
   * @param what is missing from the report where that fails, in words
   * @return empty where it is missing or damaged, which is noted
   * @throws PolyphonyException of another class than DATA
   */
  <T> Optional<T> reading(String what, Supplier<T> read) {
    try {
      return Optional.of(read.get());
    } catch (PolyphonyException e) {
      if (e.errorClass() != ErrorClass.DATA) {
        throw e;
      }
      add(what + " could not be read: " + e.getMessage());
      return Optional.empty();
    }
  }

  List<String> all() {
    return List.copyOf(notes);
  }
}
