package polyphony.workers.chaos;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/** What steps wrote into the store, in the order in which the store said yes. */
final class StoreJournal {
  /** What a write is, by its key. */
  enum Kind {
    /** An attempt at a step begins. */
    CLAIM,
    /** A part of it is done. */
    COMMIT,
    /** All of it is done. */
    RESULT
  }

  /**
   * A write that the store took.
   *
   * @param worker who wrote it
   * @param step the step's key
   * @param number of the claim or commit, from 0
   */
  record Entry(String worker, Kind kind, String step, int number, Instant at) {
    /** Whether work became safe by it. */
    boolean isProgress() {
      return kind != Kind.CLAIM;
    }

    /** The key that the store has it under. */
    String object() {
      return switch (kind) {
        case CLAIM -> String.format("claims/%s/%08d.json", step, number);
        case COMMIT -> String.format("progress/%s/%08d.json", step, number);
        case RESULT -> "steps/" + step + ".json";
      };
    }
  }

  private final List<Entry> entries = new ArrayList<>();

  synchronized void add(Entry entry) {
    entries.add(entry);
    notifyAll();
  }

  synchronized List<Entry> entries() {
    return List.copyOf(entries);
  }

  /** The first entry like this; empty where there is none within {@code limit}. */
  synchronized Optional<Entry> await(Predicate<Entry> which, Duration limit)
      throws InterruptedException {
    long end = System.nanoTime() + limit.toNanos();
    while (true) {
      Optional<Entry> found = entries.stream().filter(which).findFirst();
      long left = (end - System.nanoTime()) / 1_000_000;
      if (found.isPresent() || left <= 0) {
        return found;
      }
      wait(left);
    }
  }

  /** Steps that this worker has begun and nobody has finished. */
  synchronized Set<String> inProgress(String worker) {
    Set<String> steps = new LinkedHashSet<>();
    for (Entry entry : entries) {
      switch (entry.kind()) {
        case CLAIM -> {
          // The newest claim counts.
          steps.remove(entry.step());
          if (entry.worker().equals(worker)) {
            steps.add(entry.step());
          }
        }
        case COMMIT -> {}
        case RESULT -> steps.remove(entry.step());
      }
    }
    return steps;
  }

  /** How many commits a step has, a result not counted. */
  synchronized int commits(String step) {
    return (int)
        entries.stream()
            .filter(each -> each.kind() == Kind.COMMIT && each.step().equals(step))
            .map(Entry::number)
            .distinct()
            .count();
  }
}
